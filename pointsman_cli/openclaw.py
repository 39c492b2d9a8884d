"""Finds the `openclaw.json` that a command uses, and exports it in the format that OpenClaw itself accepts."""

from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from pointsman.chat_api.request_fields import AUTO
from pointsman.execution.output_room import DEFAULT_OUTPUT_CAPS
from pointsman.routing.config import ConfigError, parse
from pointsman.routing.openclaw_agents import TIERS, reference
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import Tier
from pointsman_cli.errors import BadInputError

HERE = Path("openclaw.json")
"""The file in the current directory."""


def read_config(config: Path | None) -> str:
    """Return the text of the given file, else of the file in this directory, else of the built-in one.

    Raises:
        BadInputError: The given file cannot be read, is not UTF-8, or is no valid configuration.
    """
    file = config or (HERE if HERE.is_file() else None)
    if file is None:
        from devstack.toolchain import ROOT  # imports boto3

        own = ROOT / "openclaw.json"  # which `init` edits; there is none before an installed command's first `up`
        return (own if own.is_file() else files("pointsman") / "openclaw.json").read_text(encoding="utf-8")
    try:
        text = file.read_text(encoding="utf-8-sig")
        if file is not HERE:
            parse(text)
    except ConfigError as error:
        problem = str(error).replace("openclaw.json", str(file), 1)
        hint = f"; if it is JSON5, convert it with `npx json5 {file}`" if "syntax error" in problem else ""
        raise BadInputError(f"{problem}{hint}") from None
    except OSError as error:
        raise BadInputError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInputError(f"{file}: must be UTF-8") from None
    return text


_KEY_VARIABLE = "POINTSMAN_API_KEY"
"""The environment variable in which OpenClaw finds its API key for Pointsman."""
_CONTEXT_WINDOW = 200_000
"""Tokens. As ordinary text they fit into a message of 1 MiB."""


def export_config(policy: RoutingPolicy, now: datetime, server: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration in OpenClaw's format, with Pointsman as its MCP server.

    OpenClaw calls the models itself, so successors replace the models that are retired.
    """
    chains = {
        tier: list(dict.fromkeys(policy.resolve(model_id, now).id for model_id in policy.chain(tier))) for tier in Tier
    }
    options = policy.config.pointsman.model_dump(mode="json", exclude_unset=True, exclude={"chains"})
    if policy.config.baseline != chains[Tier.REASONING][0]:
        options["baseline"] = policy.config.baseline
    descriptions = {name: agent.description for name, agent in policy.config.agents.items() if agent.description}
    entries = {
        name: {
            "name": name.capitalize(),
            **({"description": descriptions[name]} if name in descriptions else {}),
            "model": _model(chains[tier]),
        }
        for name, tier in TIERS.items()
    }
    return {
        "agents": {
            "ownership": "explicit",
            "defaults": {"systemAgent": {"agentId": "main"}, "model": _model(chains[Tier.ORCHESTRATION])},
            "entries": entries,
        },
        **tools_section(server, options),
    }


def tools_section(server: Mapping[str, Any], options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the MCP server and the skill alone, without agents."""
    skill = {"enabled": True, **({"config": dict(options)} if options else {})}
    return {"mcp": {"servers": {"pointsman": dict(server)}}, "skills": {"entries": {"pointsman": skill}}}


def provider_section(base_url: str) -> dict[str, Any]:
    """Return the HTTP endpoint as a model provider of OpenClaw, which takes the API key from its environment.

    OpenClaw always asks for a stream, and sends tools unless `supportsTools` is false.
    """
    model = {
        "id": AUTO,
        "name": "Pointsman",
        "input": ["text"],
        "contextWindow": _CONTEXT_WINDOW,
        "maxTokens": max(DEFAULT_OUTPUT_CAPS.values()),
        "compat": {"supportsTools": False},
    }
    provider = {
        "baseUrl": base_url,
        "apiKey": {"source": "env", "provider": "default", "id": _KEY_VARIABLE},
        "api": "openai-completions",
        "timeoutSeconds": 75,
        "models": [model],
    }
    return {"models": {"providers": {"pointsman": provider}}}


def _model(chain: list[str]) -> dict[str, Any]:
    primary, *fallbacks = map(reference, chain)
    return {"primary": primary, "fallbacks": fallbacks}
