"""The keys and the models: present and accepted, alive and priced, and until when."""

from collections.abc import Iterator
from datetime import UTC, datetime

from pointsman.report.figures.lifetimes import notices
from pointsman.routing.catalog import Billing, Model, Provider
from pointsman.routing.policy import RoutingPolicy
from pointsman_cli.doctor.finding import Finding, ok, to_do, unchecked
from pointsman_cli.doctor.providers import Heard
from pointsman_cli.doctor.stack_probe import KEY_VARIABLES, StackProbe, configured


def keys(patient: StackProbe) -> Iterator[Finding]:
    """Say of each provider that a chain names whether its key is stored, and taken."""
    catalog, names = patient.policy.catalog, configured(patient.policy)
    for provider, field in KEY_VARIABLES.items():
        models = [name for name in names if catalog.get(name).provider is provider]
        if models:
            parameter = str(getattr(patient.target.settings, field))
            yield _key(
                patient, provider, parameter, [patient.heard[model] for model in models if model in patient.heard]
            )


def _key(patient: StackProbe, provider: Provider, parameter: str, heard: list[Heard]) -> Finding:
    stored = patient.stored.get(parameter)
    store = f"store it with `pointsman init --keys-only --stack {patient.target.stack_name}`"
    if not stored:
        return to_do("key", provider, f"there is no {parameter} in Parameter Store", store)
    if stored["Type"] != "SecureString":
        return to_do("key", provider, f"{parameter} is a plain {stored['Type']}", f"delete it there and {store}")
    if any(answer.state == "key_refused" for answer in heard):
        return to_do(
            "key", provider, f"the provider refuses {parameter}", f"make a new one at the provider and {store}"
        )
    if not heard:
        return unchecked("key", provider, f"{parameter} is stored; the provider was not asked")
    if not any(answer.state == "served" for answer in heard):
        return unchecked("key", provider, f"{parameter} is stored; the provider's answer: {heard[0].detail}")
    return ok("key", provider, f"{parameter} is stored and accepted")


def webhook_key_findings(patient: StackProbe) -> Iterator[Finding]:
    """Say whether webhooks can be signed, if the stack may call any."""
    settings = patient.target.settings
    if not settings.hosts_of_webhooks:
        return
    name, stored = settings.webhook_key_parameter, patient.stored.get(settings.webhook_key_parameter)
    make = f"make one with `pointsman init --keys-only --stack {patient.target.stack_name}`"
    if not stored:
        yield to_do("key", "webhook", f"there is no {name} in Parameter Store, and WebhookHosts names hosts", make)
    elif stored["Type"] != "SecureString":
        yield to_do("key", "webhook", f"{name} is a plain {stored['Type']}", f"delete it there and {make}")
    else:
        yield ok("key", "webhook", f"{name} is stored; for {', '.join(settings.hosts_of_webhooks)}")


def model_findings(patient: StackProbe) -> Iterator[Finding]:
    """Say of each model in the chains who serves, its price and its end."""
    gone = {name for name, state in patient.states.items() if state.retired}
    gone |= {name for name, heard in patient.heard.items() if heard.state == "gone"}
    yield from of_points(patient.policy, patient.now.astimezone(UTC), gone, patient.heard)


def of_points(policy: RoutingPolicy, now: datetime, gone: set[str], heard: dict[str, Heard]) -> Iterator[Finding]:
    """Say it by configuration and catalogue, and by what is known beside them."""
    noticed = {notice.model: notice for notice in notices(policy, now.date(), gone)}
    for name in dict.fromkeys([*configured(policy), *noticed]):
        if notice := noticed.get(name):
            put = f"put {notice.successor or 'another model'} into openclaw.json and deploy"
            yield to_do("model", name, notice.text.removeprefix(f"{name} "), put)
            continue
        word = heard.get(name)
        if word and word.retires:
            put = "put its successor into openclaw.json and deploy"
            yield to_do("model", name, f"its provider retires it on {word.retires}", put)
            continue
        served = ", its provider serves it" if word and word.state == "served" else ""
        yield ok("model", name, f"{_price(policy, policy.catalog.get(name), now)}, no end is announced{served}")


def _price(policy: RoutingPolicy, model: Model, now: datetime) -> str:
    band = model.band(0, now)
    price = f"${band.input:.2f} in, ${band.output:.2f} out per million tokens"
    return f"free tier ({price} beyond it)" if policy.billing(model) is Billing.FREE else price
