"""The provider keys and the models: stored and accepted, served, priced, and until when."""

from collections.abc import Iterator
from datetime import UTC, datetime

from pointsman.execution.free_evidence import STEP, billed_all_the_same, gemini_in_use, taken_for_free
from pointsman.execution.outcome import AccountTrouble
from pointsman.execution.refused_account import REASONS, STEPS, refused_accounts
from pointsman.report.figures.lifetimes import notices
from pointsman.routing.catalog import Billing, Model, Provider
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.times import to_text
from pointsman_cli.doctor.providers import ProviderAnswer
from pointsman_cli.doctor.stack_probe import KEY_SETTINGS, Finding, StackProbe, configured_models, ok, to_do, unchecked


def account_findings(probe: StackProbe) -> Iterator[Finding]:
    """Report each provider that refuses to serve the account or place now, by the stack's calls or by its own word."""
    catalog = probe.policy.catalog
    refused = refused_accounts(probe.states.values(), lambda model: catalog.get(model).provider)
    resting = {account.provider: account for account in refused if account.until > probe.now}
    for provider, account in resting.items():
        since, until = to_text(account.since), to_text(account.until)
        says = f"not served since {since} ({account.trouble}): no call is made until {until}"
        yield to_do("account", provider, says, account.do)
    asked = {catalog.get(model).provider: answer.trouble for model, answer in probe.answers.items() if answer.trouble}
    for provider, trouble in asked.items():
        if provider not in resting:
            yield to_do("account", provider, f"not served now ({trouble}): {REASONS[trouble]}", STEPS[trouble])
    if not resting and not asked:
        yield ok("account", "", "no provider refuses the account or place")


def billing_findings(probe: StackProbe) -> Iterator[Finding]:
    """Report whether Gemini is free or paid, if the configuration says nothing else than what a quota has shown.

    Linking the key's project to billing makes every call paid. No request that is free tells: a quota's id does.
    """
    policy, options = probe.policy, probe.policy.config.pointsman
    models, free = gemini_in_use(policy), taken_for_free(policy)
    shown = {state.paid_project for name in models if (state := probe.states.get(name))} - {None}
    if not models or probe.connection.stand_in:
        return
    if billed_all_the_same(policy, probe.states):
        says = f"{', '.join(free)} booked as free, but a quota of the paid tier has refused a call"
        yield to_do("billing", Provider.GEMINI, says, STEP)
    elif options.gemini_billing == "linked" and shown == {False}:
        step = 'set pointsman.gemini_billing to "none" in openclaw.json and deploy'
        yield to_do("billing", Provider.GEMINI, "booked as paid, but a quota of the free tier has refused a call", step)
    elif options.gemini_billing is not None:
        yield ok("billing", Provider.GEMINI, f"{options.gemini_billing}, by openclaw.json")
    elif free and shown == {False}:
        yield ok("billing", Provider.GEMINI, "free: a quota of the free tier has refused a call")
    elif free:
        why = f"{', '.join(free)} taken for free, which no free request shows. A project linked to billing pays for all"
        yield unchecked("billing", Provider.GEMINI, f'{why}: set pointsman.gemini_billing to "none" or "linked"')


def key_findings(probe: StackProbe) -> Iterator[Finding]:
    """Report for each provider in use whether its key is stored and accepted."""
    catalog, names = probe.policy.catalog, configured_models(probe.policy)
    for provider, field in KEY_SETTINGS.items():
        models = [name for name in names if catalog.get(name).provider is provider]
        if models:
            parameter = str(getattr(probe.connection.settings, field))
            answers = [probe.answers[model] for model in models if model in probe.answers]
            yield _key(probe, provider, parameter, answers)


def _key(probe: StackProbe, provider: Provider, name: str, answers: list[ProviderAnswer]) -> Finding:
    parameter = probe.key_parameters.get(name)
    store = f"store it with `pointsman init --keys-only --stack {probe.connection.stack_name}`"
    if not parameter:
        return to_do("key", provider, f"{name} is not in Parameter Store", store)
    if parameter["Type"] != "SecureString":
        return to_do("key", provider, f"{name} is a plain {parameter['Type']}", f"delete it there and {store}")
    if any(answer.trouble is AccountTrouble.KEY for answer in answers):
        step = f"create a new key at the provider and {store}"
        return to_do("key", provider, f"the provider rejects {name}", step)
    if not answers:
        return unchecked("key", provider, f"{name} is stored; the provider was not asked")
    if not any(answer.state == "served" for answer in answers):
        return unchecked("key", provider, f"{name} is stored; the provider did not confirm it ({answers[0].detail})")
    return ok("key", provider, f"{name} is stored and accepted")


def webhook_key_findings(probe: StackProbe) -> Iterator[Finding]:
    """Report whether the signing secret is stored, if the stack may call webhooks."""
    settings = probe.connection.settings
    if not settings.hosts_of_webhooks:
        return
    name, parameter = settings.webhook_key_parameter, probe.key_parameters.get(settings.webhook_key_parameter)
    create = f"create one with `pointsman init --keys-only --stack {probe.connection.stack_name}`"
    if not parameter:
        yield to_do("key", "webhook", f"{name} is not in Parameter Store, and WebhookHosts lists hosts", create)
    elif parameter["Type"] != "SecureString":
        yield to_do("key", "webhook", f"{name} is a plain {parameter['Type']}", f"delete it there and {create}")
    else:
        yield ok("key", "webhook", f"{name} is stored, for {', '.join(settings.hosts_of_webhooks)}")


def model_findings(probe: StackProbe) -> Iterator[Finding]:
    """Report each configured model's price and end, by the catalog, the stack and the provider.

    A model that the stack holds for retired and that its provider serves again is used again from here on.
    """
    marked = {name: state for name, state in probe.states.items() if state.is_retired(probe.now)}
    health = probe.connection.runtime.stores.model_health
    for name, state in list(marked.items()):
        answer = probe.answers.get(name)
        if answer and answer.state == "served" and health.clear_retired(state):
            yield ok("model", name, "its provider serves it again: it is no longer held for retired")
            del marked[name]
    gone = {name for name, answer in probe.answers.items() if answer.state == "gone"}
    yield from lifetime_findings(probe.policy, probe.now.astimezone(UTC), {*marked, *gone}, probe.answers)


def lifetime_findings(
    policy: RoutingPolicy, now: datetime, retired: set[str], answers: dict[str, ProviderAnswer]
) -> Iterator[Finding]:
    """Report each configured model's price and end, without access to a stack."""
    notice_of = {notice.model: notice for notice in notices(policy, now.date(), retired)}
    for name in dict.fromkeys([*configured_models(policy), *notice_of]):
        answer = answers.get(name)
        if notice := notice_of.get(name):
            step = f"put {notice.successor or 'another model'} into openclaw.json and deploy"
            yield to_do("model", name, notice.text.removeprefix(f"{name} "), step)
        elif answer and answer.retires:
            step = "put its successor into openclaw.json and deploy"
            yield to_do("model", name, f"its provider retires it on {answer.retires}", step)
        else:
            served = ", its provider serves it" if answer and answer.state == "served" else ""
            price = _price(policy, policy.catalog.get(name), now)
            yield ok("model", name, f"{price}, no end announced{served}")


def _price(policy: RoutingPolicy, model: Model, now: datetime) -> str:
    band = model.band(0, now)
    price = f"${band.input:.2f} in, ${band.output:.2f} out per million tokens"
    return f"free tier ({price} beyond it)" if policy.billing(model) is Billing.FREE else price
