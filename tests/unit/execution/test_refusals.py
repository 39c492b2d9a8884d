"""What refusals mean: an example for each sentence that alone tells, and what counts without one."""

import re
from datetime import UTC, datetime

import pytest

from pointsman.execution.outcome import AccountTrouble, Outcome
from pointsman.execution.refusals import PATTERNS, ProviderError, Refusal, Verdict, interpret_refusal
from pointsman.routing.catalog import Provider

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
CLAUDE, GEMINI = Provider.ANTHROPIC, Provider.GEMINI
SENTENCES: list[tuple[Provider, int, str, Verdict]] = [
    (CLAUDE, 400, "Your credit balance is too low to access the Claude API.", AccountTrouble.CREDIT),
    (CLAUDE, 400, "Credit balance is too low", AccountTrouble.CREDIT),
    (CLAUDE, 400, "You\u2019re out of extra usage. Add more and keep going.", AccountTrouble.CREDIT),
    (CLAUDE, 429, "Usage credits are required for long context requests.", Outcome.TOO_LONG),
    (CLAUDE, 429, "Extra usage is required for long context requests.", Outcome.TOO_LONG),
    (CLAUDE, 400, "You have reached your specified workspace API usage limits.", AccountTrouble.LIMIT),
    (CLAUDE, 400, "You've hit your monthly spend limit", AccountTrouble.LIMIT),
    (CLAUDE, 429, "Your organization has reached its monthly spend limit.", AccountTrouble.LIMIT),
    (CLAUDE, 400, "This organization has been disabled.", AccountTrouble.HOLD),
    (CLAUDE, 403, "Your account has been suspended.", AccountTrouble.HOLD),
    (CLAUDE, 403, "Request not allowed", AccountTrouble.PLACE),
    (CLAUDE, 400, "Access is not allowed from unsupported countries, regions, or territories.", AccountTrouble.PLACE),
    (CLAUDE, 403, "Claude is not available in your region (IM)", AccountTrouble.PLACE),
    (CLAUDE, 400, "Output blocked by content filtering policy", Outcome.BLOCKED),
    (CLAUDE, 400, "prompt is too long: 208310 tokens > 200000 maximum", Outcome.TOO_LONG),
    (CLAUDE, 400, "Input is too long for requested model.", Outcome.TOO_LONG),
    (CLAUDE, 400, "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000", Outcome.TOO_LONG),
    (CLAUDE, 400, "messages.0.content: Input should be a valid string", Outcome.INVALID),
    (CLAUDE, 400, "`temperature` is deprecated for this model.", Outcome.INVALID),
    (GEMINI, 400, "User location is not supported for the API use.", AccountTrouble.PLACE),
    (GEMINI, 400, "API key not valid. Please pass a valid API key.", AccountTrouble.KEY),
    (GEMINI, 400, "API Key not found. Please pass a valid API key.", AccountTrouble.KEY),
    (GEMINI, 429, "Your prepayment credits are depleted.", AccountTrouble.CREDIT),
    (GEMINI, 429, "Your project has exceeded its monthly spending cap.", AccountTrouble.LIMIT),
    (GEMINI, 429, "Your billing account has exceeded its spend limit of 10 minutes.", AccountTrouble.LIMIT),
    (GEMINI, 403, "Permission denied: Consumer 'projects/1' has been suspended.", AccountTrouble.HOLD),
    (GEMINI, 403, "Your project has been denied access.", AccountTrouble.HOLD),
    (GEMINI, 400, "The input token count (1200000) exceeds the maximum number of tokens allowed.", Outcome.TOO_LONG),
    (GEMINI, 400, "Request payload size exceeds the limit: 20971520 bytes.", Outcome.TOO_LONG),
    (GEMINI, 400, "* GenerateContentRequest.contents: contents is not specified", Outcome.INVALID),
]


def refusal(provider: Provider, status: int, message: str, kind: str | None = None) -> Refusal:
    kind = kind or ("invalid_request_error" if provider is CLAUDE else "INVALID_ARGUMENT")
    return interpret_refusal(provider, status, ProviderError(kind, message), NOW)


@pytest.mark.parametrize(("provider", "status", "message", "verdict"), SENTENCES)
def test_sentence_tells_the_meaning(provider: Provider, status: int, message: str, verdict: Verdict) -> None:
    meaning = refusal(provider, status, message)
    assert (meaning.account or meaning.outcome, meaning.recognized) == (verdict, True)


def test_each_pattern_has_an_example() -> None:
    for pattern in PATTERNS:
        messages = [message for provider, _, message, _ in SENTENCES if provider is pattern.provider]
        assert any(re.search(pattern.text, message, re.IGNORECASE) for message in messages), pattern.text
        assert pattern.source


@pytest.mark.parametrize("provider", [CLAUDE, GEMINI])
def test_sentence_that_nobody_knows_is_no_verdict(provider: Provider) -> None:
    meaning = refusal(provider, 422, "The request cannot be processed.", "SOMETHING_NEW")
    assert (meaning.outcome, meaning.recognized) == (Outcome.INVALID, False)


@pytest.mark.parametrize(
    ("provider", "kind", "message", "outcome"),
    [
        (CLAUDE, "not_found_error", "model: claude-haiku-5-5", Outcome.RETIRED),
        (CLAUDE, "not_found_error", "Not Found", Outcome.UNAVAILABLE),
        (GEMINI, "NOT_FOUND", "models/gemini-9 is not found for API version v1beta.", Outcome.RETIRED),
        (GEMINI, "NOT_FOUND", "Requested entity was not found.", Outcome.UNAVAILABLE),
    ],
)
def test_not_found_retires_only_what_it_names(provider: Provider, kind: str, message: str, outcome: Outcome) -> None:
    assert refusal(provider, 404, message, kind).outcome is outcome


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 405, 407, 418, 425, 451, 503, 520, 530])
def test_what_the_provider_did_not_write_passes(status: int) -> None:
    for provider in Provider:
        assert interpret_refusal(provider, status, None, NOW) == Refusal(Outcome.UNAVAILABLE)


def test_place_that_the_law_closes_is_the_accounts() -> None:
    assert refusal(CLAUDE, 451, "Unavailable for legal reasons", "legal_error").account is AccountTrouble.PLACE


@pytest.mark.parametrize(
    ("status", "trouble"), [(401, AccountTrouble.KEY), (402, AccountTrouble.CREDIT), (403, AccountTrouble.KEY)]
)
def test_status_tells_the_trouble_of_a_kind_that_nobody_knows(status: int, trouble: AccountTrouble) -> None:
    assert refusal(CLAUDE, status, "No.", "a_new_error") == Refusal(Outcome.ACCOUNT, trouble)


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("contract_spend_limit_reached", AccountTrouble.LIMIT),
        ("linked_organization_billing_unavailable", AccountTrouble.CREDIT),
        ("organization_on_hold", AccountTrouble.HOLD),
        ("ramp_limit_exceeded", Outcome.RATE_LIMITED),
        ("SERVICE_DISABLED", AccountTrouble.KEY),
        ("BILLING_DISABLED", AccountTrouble.CREDIT),
        ("LOCATION_POLICY_VIOLATED", AccountTrouble.PLACE),
    ],
)
def test_code_goes_before_the_sentence_and_the_kind(code: str, verdict: Verdict) -> None:
    error = ProviderError("invalid_request_error", "messages: no.", frozenset({"another", code}))
    meaning = interpret_refusal(CLAUDE, 400, error, NOW)
    assert (meaning.account or meaning.outcome) == verdict


@pytest.mark.parametrize(
    ("day", "until"),
    [
        ("2026-12-01", datetime(2026, 12, 1, tzinfo=UTC)),
        ("2026-11-28", None),
        ("2027-01-30", None),
        ("2026-13-01", None),
    ],
)
def test_limit_ends_when_its_sentence_says_so_within_two_months(day: str, until: datetime | None) -> None:
    message = f"You have reached your specified API usage limits. You will regain access on {day} at 00:00 UTC."
    assert refusal(CLAUDE, 400, message) == Refusal(Outcome.ACCOUNT, AccountTrouble.LIMIT, until)


def test_tiers_own_spend_limit_ends_with_the_month() -> None:
    error = ProviderError("rate_limit_error", "The limit is reached.", frozenset({"enforced_spend_limit_reached"}))
    meaning = interpret_refusal(CLAUDE, 429, error, NOW)
    assert meaning == Refusal(Outcome.ACCOUNT, AccountTrouble.LIMIT, datetime(2026, 12, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (408, Outcome.UNAVAILABLE),
        (409, Outcome.UNAVAILABLE),
        (413, Outcome.TOO_LONG),
        (429, Outcome.RATE_LIMITED),
        (499, Outcome.UNAVAILABLE),
        (500, Outcome.UNAVAILABLE),
    ],
)
def test_these_statuses_count_whatever_the_body_is(status: int, outcome: Outcome) -> None:
    for error in (None, ProviderError("invalid_request_error", "anything")):
        assert interpret_refusal(CLAUDE, status, error, NOW) == Refusal(outcome)
