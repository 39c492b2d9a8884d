"""Whether models that are booked as free are billed all the same, by what their provider's quotas have shown."""

from collections.abc import Mapping
from typing import Any

from pointsman.execution.model_health import ModelState
from pointsman.routing.catalog import Billing, Provider
from pointsman.routing.policy import RoutingPolicy

STEP = 'set pointsman.gemini_billing to "linked" in openclaw.json and deploy'


def gemini_in_use(policy: RoutingPolicy) -> list[str]:
    """Return the Gemini models that may serve a task."""
    return [name for name in policy.in_use() if policy.catalog.get(name).provider is Provider.GEMINI]


def taken_for_free(policy: RoutingPolicy) -> list[str]:
    """Return those that are booked as free and would cost something in a project linked to billing."""
    models = (policy.catalog.get(name) for name in gemini_in_use(policy))
    return [model.id for model in models if policy.billing(model) is Billing.FREE and not model.free_only]


def billed_all_the_same(policy: RoutingPolicy, states: Mapping[str, ModelState]) -> list[str]:
    """Return the models that are taken for free although a quota of the paid tier has refused a call of the project."""
    shown = any(state.paid_project for name in gemini_in_use(policy) if (state := states.get(name)))
    return taken_for_free(policy) if shown else []


def billing_detail(version: int, models: list[str]) -> dict[str, Any]:
    """Return the event's detail."""
    return {"version": version, "provider": str(Provider.GEMINI), "models": models, "do": STEP}


def billing_words(models: list[str]) -> tuple[str, str]:
    """Return the same for people: a subject of one ASCII line, and a text."""
    lines = [
        f"{', '.join(models)}: booked as free, but a quota of the paid tier has refused a call.",
        "So the key's project is linked to billing, and every call is paid. The ledger and the budget miss it.",
        f"What to do: {STEP}.",
    ]
    return "Pointsman: Gemini calls that are booked as free are billed", "\n".join(lines) + "\n"
