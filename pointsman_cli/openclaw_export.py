"""Pointsman's configuration in the shape that OpenClaw itself accepts, with Pointsman as its MCP server."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pointsman.chat_api.chat_request import AUTO
from pointsman.contracts.task import DEFAULT_OUTPUT_TOKENS
from pointsman.routing.openclaw_agents import TIERS, reference
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import Tier

KEY_VARIABLE = "POINTSMAN_API_KEY"
"""Where OpenClaw finds its key of the front door."""
_CONTEXT_WINDOW = 200_000
"""Tokens that surely fit into a message of 1 MiB, as words do."""


def exported(policy: RoutingPolicy, now: datetime, server: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration in OpenClaw's shape, with Pointsman as its MCP server.

    Models that have ended are replaced by their successors, as OpenClaw would call them itself.
    """
    options_in_file = policy.config.pointsman
    chains = {
        tier: list(dict.fromkeys(policy.resolve(model_id, now).id for model_id in policy.chain(tier))) for tier in Tier
    }
    options = options_in_file.model_dump(mode="json", exclude_unset=True, exclude={"chains"})
    if policy.config.baseline != chains[Tier.REASONING][0]:
        options["baseline"] = policy.config.baseline
    described = {name: agent.description for name, agent in policy.config.agents.items() if agent.description}
    entries = {
        name: {
            "name": name.capitalize(),
            **({"description": described[name]} if name in described else {}),
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
        **tools(server, options),
    }


def tools(server: Mapping[str, Any], options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what tells OpenClaw of Pointsman, its agents left alone."""
    skill = {"enabled": True, **({"config": dict(options)} if options else {})}
    return {"mcp": {"servers": {"pointsman": dict(server)}}, "skills": {"entries": {"pointsman": skill}}}


def chat_api(base_url: str) -> dict[str, Any]:
    """Return what makes the front door one of OpenClaw's model providers; its key stands in OpenClaw's environment.

    OpenClaw always asks for a stream, and sends tools unless it is told not to.
    """
    model = {
        "id": AUTO,
        "name": "Pointsman",
        "input": ["text"],
        "contextWindow": _CONTEXT_WINDOW,
        "maxTokens": DEFAULT_OUTPUT_TOKENS,
        "compat": {"supportsTools": False},
    }
    provider = {
        "baseUrl": base_url,
        "apiKey": {"source": "env", "provider": "default", "id": KEY_VARIABLE},
        "api": "openai-completions",
        "timeoutSeconds": 75,
        "models": [model],
    }
    return {"models": {"providers": {"pointsman": provider}}}


def _model(chain: list[str]) -> dict[str, Any]:
    primary, *fallbacks = map(reference, chain)
    return {"primary": primary, "fallbacks": fallbacks}
