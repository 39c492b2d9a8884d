"""How much a model thinks: effort and thinking settings, accepted or refused as each provider does.

Sources: platform.claude.com docs of 2026-10-09, ai.google.dev docs of September 2026. A model that is not listed here
thinks only when asked to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devstack.fake_providers.wire import NO_THINKING, BadRequestError

THINKING_TOKENS = {NO_THINKING: 0, "minimal": 0, "low": 2, "medium": 4, "high": 8, "xhigh": 16, "max": 32}
"""Thinking tokens by effort, unless a rule sets another amount: always the same, and so few that a small limit has room
for an answer; real models think a hundred times as much."""

_CLAUDE_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_EFFORTS_WITHOUT_OFF = frozenset({"xhigh", "max"})
_FORCED_TOOL_CHOICES = frozenset({"any", "tool"})
_LEAST_BUDGET = 1024
_GEMINI_LEVELS = ("minimal", "low", "medium", "high")


@dataclass(frozen=True)
class _ClaudeProfile:
    effort: str
    """The default effort."""
    off: str | None
    """The `thinking` type that turns thinking off; `None` if nothing does."""
    takes_forced_tool: bool
    """Whether `tool_choice` may force a tool; the call is then without thinking."""
    max_output_tokens: int = 128_000


_CLAUDE_PROFILES = {
    "claude-haiku-5-5": _ClaudeProfile("medium", "disabled", takes_forced_tool=True),
    "claude-sonnet-5-5": _ClaudeProfile("high", "between_tools", takes_forced_tool=False),
    "claude-opus-5-5": _ClaudeProfile("medium", None, takes_forced_tool=False),
}
_GEMINI_DEFAULTS = {
    "gemini-3.1-flash-lite": "minimal",
    "gemini-3.5-flash-lite": "minimal",
    "gemini-3.6-flash": "medium",
    "gemini-3.7-flash": "high",
    "gemini-3.8-flash": "high",
}
_WITHOUT_MINIMAL = ("gemini-3.7-flash", "gemini-3.8-flash")


def claude_effort(body: Mapping[str, Any]) -> str:
    """Return the effort in force for a Messages request; raise `BadRequestError` for settings the model refuses."""
    model: str = body["model"]
    thinking = body.get("thinking") or {}
    effort = (body.get("output_config") or {}).get("effort")
    if effort is not None and effort not in _CLAUDE_EFFORTS:
        raise BadRequestError(f"output_config.effort: Input should be one of {', '.join(_CLAUDE_EFFORTS)}")
    profile = next((profile for name, profile in _CLAUDE_PROFILES.items() if name in model), None)
    if profile is None:
        return _older_claude_effort(body, model, thinking, effort)
    if body["max_tokens"] > profile.max_output_tokens:
        limit = f"{body['max_tokens']} > {profile.max_output_tokens}"
        raise BadRequestError(f"max_tokens: {limit}, which is the maximum allowed number of output tokens for {model}")
    if (body.get("tool_choice") or {}).get("type") in _FORCED_TOOL_CHOICES:
        if not profile.takes_forced_tool:
            raise BadRequestError("tool_choice: Thinking may not be enabled when tool_choice forces tool use.")
        return NO_THINKING
    return _effort_of_profile(profile, model, thinking, effort or profile.effort)


def _effort_of_profile(profile: _ClaudeProfile, model: str, thinking: Mapping[str, Any], effort: str) -> str:
    kind = thinking.get("type", "adaptive")
    if kind == "adaptive":
        return effort
    if kind != profile.off:
        raise BadRequestError(f"thinking.type: '{kind}' is not supported for {model}")
    if len(thinking) > 1:
        raise BadRequestError(f"thinking.{kind}: Extra inputs are not permitted")
    if effort in _EFFORTS_WITHOUT_OFF:
        raise BadRequestError(f"thinking.type: '{kind}' is not supported with effort '{effort}'")
    return NO_THINKING


def _older_claude_effort(body: Mapping[str, Any], model: str, thinking: Mapping[str, Any], effort: str | None) -> str:
    if effort is not None and "haiku-4-5" in model:
        raise BadRequestError(f"output_config.effort: not supported for {model}")
    match thinking.get("type", "disabled"):
        case "disabled":
            return NO_THINKING
        case "enabled" if not _LEAST_BUDGET <= thinking.get("budget_tokens", 0) < body["max_tokens"]:
            raise BadRequestError(
                f"thinking.enabled.budget_tokens: at least {_LEAST_BUDGET} and less than max_tokens is required"
            )
        case "enabled" | "adaptive":
            return effort or "medium"
        case kind:
            raise BadRequestError(f"thinking.type: '{kind}' is not supported for {model}")


def gemini_effort(model: str, thinking: Mapping[str, Any]) -> str:
    """Return the thinking level in force, by a request's `thinkingConfig`; raise `BadRequestError` if refused.

    google-genai sends the level in snake case, `thinking_level`; the API takes both spellings.
    """
    level = thinking.get("thinking_level", thinking.get("thinkingLevel"))
    budget = thinking.get("thinking_budget", thinking.get("thinkingBudget"))
    if level is not None and budget is not None:
        raise BadRequestError("You can only set one of thinking level and thinking budget.")
    if level is not None and str(level).lower() not in _GEMINI_LEVELS:
        raise BadRequestError(f"Invalid value at 'generation_config.thinking_config.thinking_level': {level}")
    default = next((effort for name, effort in _GEMINI_DEFAULTS.items() if model.startswith(name)), None)
    if model.startswith(_WITHOUT_MINIMAL):
        if budget == 0:
            raise BadRequestError("Budget 0 is invalid. This model only works in thinking mode.")
        if level is not None and str(level).lower() == "minimal":
            raise BadRequestError("Thinking level MINIMAL is not supported for this model.")
    if level is not None:
        return str(level).lower()
    if default is None:
        return NO_THINKING if budget in (None, 0) else "medium"
    return "minimal" if budget == 0 else default
