"""What a local stack with one provider's key can serve: a stand-in answers beside a real provider only when told."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import typer

from pointsman.routing.catalog import Provider
from pointsman.values.taxonomy import Tier
from pointsman_cli import output
from pointsman_cli.errors import CommandError

_KEYS = {Provider.GEMINI: "GEMINI_API_KEY", Provider.ANTHROPIC: "ANTHROPIC_API_KEY"}


def accept_missing_key(environ: Mapping[str, str], config: Path | None, *, asks: bool) -> None:
    """Say which tiers go to the other provider where one of the two keys is missing, and ask if some have no model.

    Args:
        environ: The environment with the keys.
        config: The openclaw.json to use.
        asks: Whether there is a terminal to ask at.

    Raises:
        CommandError: Some tiers would have no model, and nobody has agreed to that.
    """
    from pointsman_cli.stacks import offline_runtime

    missing = [provider for provider, name in _KEYS.items() if not environ.get(name)]
    if len(missing) != 1:
        return
    policy, now, key = offline_runtime(config).context.policy, datetime.now(UTC), _KEYS[missing[0]]
    unserved = []
    for tier in Tier:
        models = [hop.model for hop in policy.plan(tier, now, private=False)]
        served = [model for model in models if policy.catalog.get(model).provider is not missing[0]]
        if not served:
            unserved.append(tier)
        elif served[0] != models[0]:
            output.print_note(f"{key} is not set: {tier} tasks go to {served[0]}")
    if not unserved:
        return
    words = f"{key} is not set, and openclaw.json names no other provider's model for {' and '.join(unserved)}"
    step = "set the key, name other models, or have a stand-in answer with --stand-in"
    if not asks:
        raise CommandError(f"{words}: {step}")
    if not typer.confirm(f"{words}: such tasks wait for the key. Start all the same?", default=False, err=True):
        raise CommandError(f"not started: {step}")


def has_terminal() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty() and sys.stderr.isatty()
