"""Named situations: what providers, and what stands between, have been seen to answer.

A preset is short for an action, for one provider or both. The sources are public bug reports (repository and number),
platform.claude.com and ai.google.dev docs of 2026, and google.api.ErrorReason.
"""

from typing import Any

from devstack.fake_providers.presets.account import ACCOUNT_PRESETS
from devstack.fake_providers.presets.answers import ANSWER_PRESETS, BILL_PRESETS, REQUEST_PRESETS
from devstack.fake_providers.presets.between import BETWEEN_PRESETS
from devstack.fake_providers.presets.passing import PASSING_PRESETS
from devstack.fake_providers.presets.shapes import Preset

PRESETS: dict[str, Preset] = {
    **BETWEEN_PRESETS,
    **ACCOUNT_PRESETS,
    **PASSING_PRESETS,
    **REQUEST_PRESETS,
    **ANSWER_PRESETS,
    **BILL_PRESETS,
}
"""By name; see `docs/fake-providers.md`."""


def describe_presets() -> list[dict[str, Any]]:
    """Return the presets as JSON values, with the actions that they are short for."""
    return [
        {"name": name, "kind": preset.kind, "meaning": preset.meaning, "actions": preset.actions}
        for name, preset in PRESETS.items()
    ]
