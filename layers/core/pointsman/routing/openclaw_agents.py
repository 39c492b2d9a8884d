"""The shape of `openclaw.json` that OpenClaw itself accepts, read as Pointsman's.

OpenClaw's validator (2026.9.6) refuses keys that it does not know, so Pointsman's options stand where it lets a skill
have options of its own: `skills.entries.pointsman.config`. All other keys are OpenClaw's and are not looked at.
"""

import difflib
from collections.abc import Mapping
from typing import Any, TypeIs

from pointsman.routing import catalog
from pointsman.routing.catalog import Provider
from pointsman.values.strict_json import Json
from pointsman.values.taxonomy import Tier

TIERS = {"main": Tier.ORCHESTRATION, "work": Tier.IMPLEMENTATION, "personal": Tier.REASONING}
"""The agents that stand for a tier. Others are OpenClaw's alone and need no model that Pointsman knows."""
OPTIONS = "skills.entries.pointsman.config"
PREFIXES = {Provider.GEMINI: "google", Provider.ANTHROPIC: "anthropic"}
"""OpenClaw's names of the providers."""


class ShapeError(ValueError):
    """The file is OpenClaw's and cannot be read as Pointsman's. Raised by `translated`; the text names the key."""


def is_openclaws(fields: Json) -> TypeIs[dict[str, Json]]:
    """Return whether the file has the shape that OpenClaw accepts."""
    if not isinstance(fields, dict) or "routing" in fields:
        return False
    agents = fields.get("agents")
    return isinstance(agents, dict) and not agents.keys().isdisjoint({"entries", "defaults", "list"})


def translated(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the file says in Pointsman's shape.

    A tier's chain is its agent's primary model and fallbacks, under OpenClaw's rules: an agent without a model of its
    own has that of `agents.defaults`, one with a model has only the fallbacks that stand with it.

    Raises:
        ShapeError: A tier has no model, or one that the catalogue does not know.
    """
    if "pointsman" in fields:
        raise ShapeError(f"pointsman: OpenClaw refuses this key: put what it holds under {OPTIONS}")
    agents = fields["agents"]
    if "list" in agents:
        raise ShapeError("agents.list: must be agents.entries; `openclaw doctor --fix` moves it")
    entries, shared = _object(agents, "agents.entries"), _object(agents, "agents.defaults").get("model")
    chains: dict[str, list[str]] = {}
    config: dict[str, Any] = {}
    for name, tier in TIERS.items():
        entry = _object(entries, f"agents.entries.{name}")
        chains[tier] = _chain(f"agents.entries.{name}.model", entry.get("model"), shared, tier)
        config[name] = {"model": chains[tier][0], "description": entry.get("description", "")}
    options = _options(fields)
    chains_in_file = options.get("chains", {})
    return {
        "agents": config,
        "routing": {tier: chain[0] for tier, chain in chains.items()},
        "pointsman": {
            **options,
            "chains": {**chains, **chains_in_file} if isinstance(chains_in_file, dict) else chains_in_file,
        },
    }


def _chain(where: str, own: Any, shared: Any, tier: Tier) -> list[str]:
    primary, fallbacks = _parts(where, own)
    if primary is None:
        shared_primary, shared_fallbacks = _parts("agents.defaults.model", shared)
        primary = shared_primary
        fallbacks = shared_fallbacks if fallbacks is None else fallbacks
    if primary is None:
        raise ShapeError(f"{where}: is required, or else agents.defaults.model: it serves the {tier} tier")
    return list(dict.fromkeys(_id(where, model_name) for model_name in (primary, *(fallbacks or ()))))


def _parts(where: str, model: Any) -> tuple[Any, list[Any] | None]:
    """Return primary and fallbacks; None where they are not stated."""
    if model is None or isinstance(model, str):
        return model, None
    if not isinstance(model, dict) or not isinstance(model.get("fallbacks", []), list):
        raise ShapeError(f"{where}: must be a model, or an object with primary and fallbacks")
    return model.get("primary"), model.get("fallbacks")


def _id(where: str, model: Any) -> str:
    """Return the catalogue's id of a model as OpenClaw names it."""
    ids = {reference(model.id): model.id for model in catalog.load_catalog().models.values()}
    if isinstance(model, str) and model in ids:
        return ids[model]
    close = difflib.get_close_matches(str(model), ids, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise ShapeError(f"{where}: unknown model {model!r}{hint}; choose from {', '.join(ids)}")


def reference(model_id: str) -> str:
    """Return a model of the catalogue as OpenClaw names it."""
    return f"{PREFIXES[catalog.load_catalog().get(model_id).provider]}/{model_id}"


def _options(fields: Mapping[str, Any]) -> dict[str, Any]:
    here: Any = fields
    steps = OPTIONS.split(".")
    for count in range(1, len(steps) + 1):
        here = _object(here, ".".join(steps[:count]))
    return dict(here)


def _object(parent: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return the object at the end of `path`, whose parent is given; {} if it is not there."""
    section = parent.get(path.rpartition(".")[2], {})
    if not isinstance(section, dict):
        raise ShapeError(f"{path}: must be an object")
    return section
