"""The type of a preset, and the few shapes that its responses have."""

from dataclasses import dataclass
from typing import Any, Literal

from devstack.fake_providers.wire import ProviderName

type PresetAction = dict[str, Any]
"""An action as the control API takes it."""

_GEMINI_SERVICE = "generativelanguage.googleapis.com"
_GEMINI_PROJECT = "projects/123456789012"


@dataclass(frozen=True)
class Preset:
    """A situation, as an action for each provider that has it."""

    kind: Literal["account", "between", "passing", "request", "content", "chance", "answer", "bill"]
    """What is wrong: the account or its place, something between client and provider, a passing state of the provider,
    the request, its content, bad luck, the form of the answer, or what the answer says of its cost."""
    meaning: str
    actions: dict[ProviderName, PresetAction]


def error_action(code: int, kind: str, message: str, **more: Any) -> PresetAction:
    """Return an error in the provider's format; `kind` is its type."""
    return {"status": {"code": code, "type": kind, "message": message, **more}}


def claude_code(code: int, kind: str, error_code: str, message: str, **headers: str) -> PresetAction:
    """Return an error of Claude with an `error_code`."""
    details = {"error_visibility": "user_facing", "error_code": error_code}
    return error_action(code, kind, message, details=details, headers=headers)


def gemini_reason(code: int, kind: str, reason: str, message: str) -> PresetAction:
    """Return an error of Gemini with an `ErrorInfo`."""
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": _GEMINI_SERVICE, "consumer": _GEMINI_PROJECT},
    }
    return error_action(code, kind, message, details=[info])


def html_response(status: int, title: str, **headers: str) -> PresetAction:
    """Return an HTML page."""
    body = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return {"response": {"status": status, "headers": {"content-type": "text/html", **headers}, "body_text": body}}


def text_response(status: int, body: str, **headers: str) -> PresetAction:
    """Return a plain text."""
    return {"response": {"status": status, "headers": {"content-type": "text/plain", **headers}, "body_text": body}}


def json_response(status: int, body: Any) -> PresetAction:
    """Return a JSON value."""
    return {"response": {"status": status, "body": body}}


def for_both(action: PresetAction) -> dict[ProviderName, PresetAction]:
    """Return an action that both providers have."""
    return {"anthropic": action, "gemini": action}


def odd_envelopes(**response: Any) -> dict[ProviderName, PresetAction]:
    """Return a 429 in the provider's format under the given encoding, headers or cut."""
    claude = {"type": "error", "error": {"type": "rate_limit_error", "message": "Réduisez le débit."}}
    gemini = {"error": {"code": 429, "message": "Réduisez le débit.", "status": "RESOURCE_EXHAUSTED"}}
    return {
        "anthropic": {"response": {"status": 429, "body": claude, **response}},
        "gemini": {"response": {"status": 429, "body": gemini, **response}},
    }
