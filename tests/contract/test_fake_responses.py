"""Raw responses, presets and token counts of the fake providers, through the real SDKs."""

import codecs
import http.client
import json
import urllib.error
from typing import Any
from urllib.parse import urlsplit

import anthropic
import httpx2
import pytest
from google import genai
from google.genai import errors as gemini_errors

from devstack.fake_providers.presets import PRESETS
from devstack.fake_providers.rules import Rule
from tests.support.fake_providers import CLAUDE_MODEL, GEMINI_MODEL, FakeProviders
from tests.support.paths import ROOT
from tests.support.sdk_calls import ask_claude, ask_gemini, claude_text, gemini_details

REPORTED = [json.loads(line) for line in (ROOT / "tests/data/providers/responses.jsonl").read_text().splitlines()]
"""Responses of public bug reports, with the number of the report."""
ASKING = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}


GEMINI_USAGE = {"promptTokenCount": 9, "thoughtsTokenCount": 5}


def post(provider: FakeProviders, name: str, prompt: str = "Hello.") -> tuple[int, list[tuple[str, str]], bytes]:
    """Ask without an SDK; return status, header lines and the bytes that arrived."""
    connection = http.client.HTTPConnection(urlsplit(provider.url).netloc, timeout=5)
    if name == "gemini":
        path, key = f"/gemini/v1/models/{GEMINI_MODEL}:generateContent", "x-goog-api-key"
        body: dict[str, Any] = {"contents": [{"parts": [{"text": prompt}]}]}
    else:
        path, key = "/anthropic/v1/messages", "x-api-key"
        body = {"model": CLAUDE_MODEL, "max_tokens": 1000, "messages": [{"role": "user", "content": prompt}]}
    connection.request("POST", path, json.dumps(body), {key: "a-key"})
    response = connection.getresponse()
    try:
        received = response.read()
    except http.client.IncompleteRead as error:
        received = error.partial
    connection.close()
    return response.status, response.getheaders(), received


def lower(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in headers]


# Raw responses


@pytest.mark.parametrize("reported", REPORTED, ids=lambda reported: reported["source"].split(";")[0])
def test_reported_response_is_served_as_it_was(provider: FakeProviders, reported: dict[str, Any]) -> None:
    name, responses = reported["provider"], reported["responses"]
    provider.replay(name, responses)

    for response in responses:
        status, headers, body = post(provider, name)
        if isinstance(response, str):
            assert (status, b"[stand-in" in body) == (200, True)
            continue
        assert status == response["status"]
        for header, value in response.get("headers", {}).items():
            assert (header, value) in lower(headers)
        if "body_text" in response:
            assert body.decode() == response["body_text"]
        elif "body" in response:
            assert json.loads(body) == response["body"]
        else:
            answer = json.loads(body)
            assert answer["candidates"][0]["content"]["parts"] == [{"text": response["text"]}]
            assert response.get("usageMetadata", {}).items() <= answer["usageMetadata"].items()
    if isinstance(responses[-1], dict):
        assert post(provider, name)[0] == responses[-1]["status"]  # the last one stays


@pytest.mark.parametrize(
    ("body", "received"),
    [
        ({"body": {"a": "é"}}, '{"a":"é"}'.encode()),
        ({"body": None}, b"null"),
        ({"body": "Service Unavailable"}, b'"Service Unavailable"'),
        ({"body": {"a": "half \ud83d"}}, b'{"a":"half \\ud83d"}'),
        ({"body": {"a": 1}, "charset": "utf-8-sig"}, codecs.BOM_UTF8 + b'{"a":1}'),
        ({"body_text": "naïve", "charset": "latin-1"}, b"na\xefve"),
        ({"body_text": "a", "charset": "utf-16"}, "a".encode("utf-16")),
        ({"body_base64": "AP/+gA=="}, b"\x00\xff\xfe\x80"),
        ({}, b""),
    ],
    ids=str,
)
def test_body_may_be_any_bytes(provider: FakeProviders, body: dict[str, Any], received: bytes) -> None:
    provider.fault("gemini", {"response": {"status": 503, **body}})
    status, headers, arrived = post(provider, "gemini")
    assert (status, arrived) == (503, received)
    kind = {"body": "application/json", "body_text": "text/plain"}.get(next(iter(body), ""))
    assert kind is None or ("content-type", kind) in lower(headers)


def test_header_may_be_sent_twice(provider: FakeProviders) -> None:
    provider.fault("anthropic", {"response": {"status": 429, "headers": {"retry-after": ["7", "7"], "x-a": "b"}}})
    _, headers, _ = post(provider, "anthropic")
    assert [value for name, value in lower(headers) if name == "retry-after"] == ["7", "7"]
    assert ("x-a", "b") in lower(headers)


def test_body_may_be_cut_short(provider: FakeProviders, gemini: genai.Client) -> None:
    provider.fault("gemini", {"response": {"status": 429, "body_text": "x" * 100, "cut_at": 30}})
    status, headers, body = post(provider, "gemini")
    assert (status, dict(lower(headers))["content-length"], len(body)) == (429, "100", 30)
    assert provider.last("reset")["status"] == 429
    with pytest.raises(httpx2.RemoteProtocolError):
        ask_gemini(gemini)


def test_label_may_lie_about_the_encoding(provider: FakeProviders, claude: anthropic.Anthropic) -> None:
    provider.fault("anthropic", {"preset": "gzip_label"})
    with pytest.raises(anthropic.APIConnectionError) as caught:
        ask_claude(claude)
    assert isinstance(caught.value.__cause__, httpx2.DecodingError)


def test_answer_may_have_any_usage(provider: FakeProviders, gemini: genai.Client, claude: anthropic.Anthropic) -> None:
    provider.fault("gemini", {"response": {"text": "ok", "usageMetadata": {"totalTokenCount": 88}}})
    provider.fault("anthropic", {"response": {"text": "ok", "usage": {"inference_geo": "us", "output_tokens": 3}}})
    answer, message = ask_gemini(gemini), ask_claude(claude)
    assert (answer.text, answer.usage_metadata.total_token_count) == ("ok", 88)
    assert [block.type for block in message.content] == ["text"]
    assert (message.usage.inference_geo, message.usage.output_tokens) == ("us", 3)


def test_responses_are_replayed_in_turn(provider: FakeProviders) -> None:
    provider.replay("gemini", [{"status": 503}, "plain answer", {"status": 429}], contains="Hello")
    provider.fault("gemini", {"status": 404})
    assert [post(provider, "gemini")[0] for _ in range(4)] == [503, 200, 429, 429]
    assert post(provider, "gemini", "Other.")[0] == 404


def test_answer_may_have_any_headers(provider: FakeProviders, gemini: genai.Client) -> None:
    headers = {"X-Gemini-Service-Tier": "flex", "Content-Type": "application/json; charset=utf-8"}
    provider.fault("gemini", {"response": {"text": "ok", "headers": headers}})
    _, lines, _ = post(provider, "gemini")
    assert {name.lower(): value for name, value in headers.items()}.items() <= dict(lower(lines)).items()
    assert [name for name, _ in lower(lines)].count("content-type") == 1
    assert ask_gemini(gemini).text == "ok"


def test_journal_reads_the_usage_of_a_raw_answer(provider: FakeProviders) -> None:
    usage = {"input_tokens": 1000, "output_tokens": 200, "output_tokens_details": {"thinking_tokens": 150}}
    provider.fault("anthropic", {"response": {"body": {"type": "message", "model": "m", "usage": usage}}})
    provider.fault(
        "gemini", {"response": {"body": {"usageMetadata": {"promptTokenCount": 9, "thoughtsTokenCount": 5}}}}
    )
    post(provider, "anthropic")
    post(provider, "gemini")
    claude_entry, gemini_entry = provider.requests()
    names = ("served_model", "input_tokens", "output_tokens", "thinking_tokens", "fault")
    assert [claude_entry[name] for name in names] == ["m", 1000, 200, 150, "response:200"]
    assert [gemini_entry[name] for name in names] == [None, 9, 5, 5, "response:200"]


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ({"action": {"response": {"body": 1, "body_text": "a"}}}, "one body"),
        ({"action": {"response": {"status": 500, "text": "a"}}}, "text with status 200"),
        ({"action": {"response": {"usage": {}}}}, "usage goes with text"),
        ({"action": {"response": {"text": "a", "charset": "utf-16"}}}, "give a body"),
        ({"action": {"response": {"status": 99}}}, "greater than or equal to 200"),
        ({"action": {"response": {"headers": {"content-length": "5"}}}}, "cannot be set"),
        ({"action": {"response": {"headers": {"a": "b\r\nc: d"}}}}, "line break"),
        ({"action": {"response": {"body_text": "é", "charset": "ascii"}}}, "ascii"),
        ({"action": {"response": {"charset": "gzip"}}}, "not an encoding"),
        ({"action": {"preset": "nonsense"}}, "none of the presets: address_blocked"),
        ({"action": {"preset": "recitation"}}, "not a preset of anthropic"),
        ({"action": {"rate_limit": {"form": "retry_info"}}}, "a form of gemini"),
        ({"action": {"status": 418}}, "not 418"),
        ({"action": {"refusal": None}}, "refusal has no value"),
    ],
    ids=str,
)
def test_control_api_refuses_an_impossible_response(
    provider: FakeProviders, rule: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        provider.control("POST", "faults", [{"provider": "anthropic", **rule}])
    with caught.value as response:
        assert complaint in response.read().decode()
    assert provider.control("GET", "faults")["rules"] == []


def test_rule_with_half_a_surrogate_pair_can_be_listed(provider: FakeProviders) -> None:
    provider.fault("gemini", {"response": {"body": "\ud83d"}})
    assert provider.control("GET", "faults")["rules"][0]["action"] == {"response": {"body": "\ud83d"}}


# Presets


@pytest.mark.parametrize(("name", "which"), [(name, which) for name in PRESETS for which in PRESETS[name].actions])
def test_preset_is_a_valid_rule_that_the_server_serves(provider: FakeProviders, name: str, which: str) -> None:
    rule = Rule.model_validate({"provider": which, "action": {"preset": name}})
    assert rule.effective_action.preset is None
    provider.fault(which, {"preset": name})
    status, _, _ = post(provider, which)
    (entry,) = provider.requests()
    assert (entry["fault"], entry["status"]) == (f"preset:{name}", status)
    expected = PRESETS[name].kind if PRESETS[name].kind in ("account", "between") else "call"
    assert entry["scope"] == expected


def test_presets_are_listed_with_their_actions(provider: FakeProviders) -> None:
    listed = {preset["name"]: preset for preset in provider.control("GET", "presets")["presets"]}
    assert set(listed) == set(PRESETS)
    assert listed["overload"]["actions"] == {"anthropic": {"status": 529}, "gemini": {"status": 503}}
    assert listed["overload"]["kind"] == "passing"


@pytest.mark.parametrize("name", [name for name in PRESETS if PRESETS[name].kind == "between"])
def test_page_in_between_is_not_in_the_providers_format(
    provider: FakeProviders, gemini: genai.Client, claude: anthropic.Anthropic, name: str
) -> None:
    provider.fault("gemini", {"preset": name})
    provider.fault("anthropic", {"preset": name})
    if name.endswith("_200"):
        for which in ("gemini", "anthropic"):
            status, _, body = post(provider, which)
            assert (status, b"usage" in body, b"error" in body) == (200, False, False)
        return
    with pytest.raises(gemini_errors.APIError) as gemini_error:
        ask_gemini(gemini)
    with pytest.raises(anthropic.APIStatusError) as claude_error:
        ask_claude(claude)
    assert (claude_error.value.type, claude_error.value.request_id) == (None, None)
    assert not isinstance(gemini_error.value.details, dict) or "error" not in gemini_error.value.details


@pytest.mark.parametrize(
    ("name", "status", "kind", "code"),
    [
        ("credit_used_up", 400, "invalid_request_error", None),
        ("usage_limit", 400, "invalid_request_error", None),
        ("organization_on_hold", 400, "invalid_request_error", "organization_on_hold"),
        ("billing_402", 402, "billing_error", None),
        ("organization_spend_limit", 402, "billing_error", "linked_organization_spend_limit_reached"),
        ("spend_limit", 429, "rate_limit_error", "enforced_spend_limit_reached"),
        ("contract_spend_limit", 429, "rate_limit_error", "contract_spend_limit_reached"),
        ("key_refused", 401, "authentication_error", None),
        ("no_permission", 403, "permission_error", None),
    ],
)
def test_claude_account_trouble_has_its_type_and_code(
    provider: FakeProviders, claude: anthropic.Anthropic, name: str, status: int, kind: str, code: str | None
) -> None:
    provider.fault("anthropic", {"preset": name})
    with pytest.raises(anthropic.APIStatusError) as caught:
        ask_claude(claude)
    error = caught.value
    assert (error.status_code, error.type, error.error_code) == (status, kind, code)
    assert error.request_id == f"req_{provider.requests()[0]['id']}"
    assert error.response.headers.get("retry-after") is None


@pytest.mark.parametrize(
    ("name", "code", "status", "reason"),
    [
        ("key_refused", 400, "INVALID_ARGUMENT", "API_KEY_INVALID"),
        ("key_expired", 400, "INVALID_ARGUMENT", "API_KEY_INVALID"),
        ("region_not_served", 400, "FAILED_PRECONDITION", None),
        ("billing_402", 402, "RESOURCE_EXHAUSTED", None),
        ("prepaid_empty", 429, "RESOURCE_EXHAUSTED", None),
        ("service_disabled", 403, "PERMISSION_DENIED", "SERVICE_DISABLED"),
        ("billing_disabled", 403, "PERMISSION_DENIED", "BILLING_DISABLED"),
        ("consumer_suspended", 403, "PERMISSION_DENIED", "CONSUMER_SUSPENDED"),
    ],
)
def test_gemini_account_trouble_has_its_status_and_reason(
    provider: FakeProviders, gemini: genai.Client, name: str, code: int, status: str, reason: str | None
) -> None:
    provider.fault("gemini", {"preset": name})
    with pytest.raises(gemini_errors.ClientError) as caught:
        ask_gemini(gemini)
    assert (caught.value.code, caught.value.status) == (code, status)
    assert gemini_details(caught.value).get("ErrorInfo", {}).get("reason") == reason


@pytest.mark.parametrize(
    "category", ["bio", "cyber", "frontier_llm", "general_harms", "reasoning_extraction", "a_new_one", None]
)
def test_refusal_has_its_category(provider: FakeProviders, claude: anthropic.Anthropic, category: str | None) -> None:
    provider.fault("anthropic", {"refusal": {"category": category}})
    message = ask_claude(claude)
    assert (message.stop_reason, message.stop_details.category, message.content) == ("refusal", category, [])
    assert (message.usage.output_tokens, message.usage.input_tokens > 0) == (0, True)


def test_refusal_in_the_middle_of_an_answer_has_output(provider: FakeProviders, claude: anthropic.Anthropic) -> None:
    provider.fault("anthropic", {"refusal": {"category": "bio", "text": "First, take"}})
    message = ask_claude(claude)
    assert (message.stop_reason, claude_text(message), message.usage.output_tokens) == ("refusal", "First, take", 3)


def test_usage_may_be_impossible(provider: FakeProviders, gemini: genai.Client, claude: anthropic.Anthropic) -> None:
    for which in ("gemini", "anthropic"):
        provider.fault(which, {"preset": "zero_usage"}, contains="zero")
    provider.fault("gemini", {"preset": "total_above_sum"})
    provider.fault("anthropic", {"preset": "thinking_above_output"})
    message, answer = ask_claude(claude, "zero"), ask_gemini(gemini, "zero")
    assert (message.usage.input_tokens, message.usage.output_tokens, claude_text(message) != "") == (0, 0, True)
    assert (answer.usage_metadata.total_token_count, answer.text != "") == (0, True)
    usage = ask_gemini(gemini).usage_metadata
    assert usage.total_token_count > usage.prompt_token_count + usage.candidates_token_count
    odd = ask_claude(claude).usage
    assert odd.output_tokens_details.thinking_tokens > odd.output_tokens


def test_service_tier_is_the_requested_one_or_a_rules(provider: FakeProviders, gemini: genai.Client) -> None:
    def served(**config: Any) -> str:
        return ask_gemini(gemini, **config).sdk_http_response.headers["x-gemini-service-tier"]

    assert (served(), served(service_tier="flex")) == ("standard", "flex")
    provider.fault("gemini", {"preset": "downgraded_tier"})
    assert served(service_tier="priority") == "standard"
    assert provider.requests()[-1]["asked"]["serviceTier"] == "priority"


def test_requested_geography_is_served_except_by_older_models(
    provider: FakeProviders, claude: anthropic.Anthropic
) -> None:
    assert ask_claude(claude, inference_geo="us").usage.inference_geo == "us"
    assert ask_claude(claude).usage.inference_geo is None
    with pytest.raises(anthropic.BadRequestError, match="inference_geo"):
        claude.messages.create(
            model="claude-haiku-4-5",
            max_tokens=10,
            inference_geo="us",
            messages=[{"role": "user", "content": "a"}],
        )


@pytest.mark.parametrize(
    ("form", "mended"),
    [
        ("fenced", lambda text: text.removeprefix("```json\n").removesuffix("\n```")),
        ("surrounded", lambda text: text[text.index("{") : text.rindex("}") + 1]),
        ("trailing_comma", lambda text: text.replace(",}", "}")),
    ],
)
def test_structured_output_may_need_mending(
    provider: FakeProviders, gemini: genai.Client, claude: anthropic.Anthropic, form: str, mended: Any
) -> None:
    provider.fault("gemini", {"structured": form})
    provider.fault("anthropic", {"structured": form})
    answer = ask_gemini(gemini, response_mime_type="application/json", response_json_schema=ASKING)
    message = ask_claude(claude, output_config={"format": {"type": "json_schema", "schema": ASKING}})
    for text in (answer.text, claude_text(message)):
        with pytest.raises(json.JSONDecodeError):
            json.loads(text)
        assert set(json.loads(mended(text))) == {"title"}


def test_half_a_surrogate_pair_is_in_the_text_or_in_its_json(
    provider: FakeProviders, gemini: genai.Client, claude: anthropic.Anthropic
) -> None:
    provider.fault("gemini", {"structured": "half_surrogate"})
    provider.fault("anthropic", {"structured": "escaped_half_surrogate"})
    answer = ask_gemini(gemini, response_mime_type="application/json", response_json_schema=ASKING)
    message = ask_claude(claude, output_config={"format": {"type": "json_schema", "schema": ASKING}})
    assert answer.text.endswith('\ud83d"}')
    assert claude_text(message).endswith('\\ud83d"}')
    assert json.loads(claude_text(message))["title"].endswith("\ud83d")
    numbers = {"type": "object", "properties": {"hours": {"type": "integer"}}}
    bare = ask_gemini(gemini, response_mime_type="application/json", response_json_schema=numbers)
    assert bare.text == '{"hours": 1} \ud83d'


def test_prompt_with_half_a_surrogate_pair_is_answered(provider: FakeProviders) -> None:
    assert post(provider, "gemini", "half \ud83d")[0] == post(provider, "anthropic", "half \ud83d")[0] == 200


# Token counts


def count_tokens(client: anthropic.Anthropic, prompt: str = "Hello there.") -> int:
    counted = client.messages.count_tokens(model=CLAUDE_MODEL, messages=[{"role": "user", "content": prompt}])
    return counted.input_tokens


def test_tokens_are_counted_as_a_message_counts_them(provider: FakeProviders, claude: anthropic.Anthropic) -> None:
    assert count_tokens(claude) == ask_claude(claude, "Hello there.").usage.input_tokens == 3
    assert [probe["status"] for probe in provider.probes()] == [200]
    assert len(provider.requests()) == 1  # a count is no request


@pytest.mark.parametrize("name", [name for name in PRESETS if "anthropic" in PRESETS[name].actions])
def test_token_count_fails_as_a_message_does_only_while_the_account_is_blocked(
    provider: FakeProviders, claude: anthropic.Anthropic, name: str
) -> None:
    provider.fault("anthropic", {"preset": name}, times=1)
    kind = PRESETS[name].kind
    if kind not in ("account", "between"):
        assert count_tokens(claude) == 3
    elif name == "html_200" or name == "object_200":
        assert post_count(provider) == post(provider, "anthropic")[::2]
    else:
        errors = []
        for ask in (count_tokens, ask_claude):
            with pytest.raises(anthropic.APIStatusError) as caught:
                ask(claude)
            error = caught.value
            errors.append((error.status_code, error.type, error.error_code, error.api_message))
        assert errors[0] == errors[1]
        assert provider.probes()[0]["fault"] == f"preset:{name}"
        assert count_tokens(claude) == 3  # used up by the message


def post_count(provider: FakeProviders) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(provider.url).netloc, timeout=5)
    body = {"model": CLAUDE_MODEL, "messages": [{"role": "user", "content": "Hello."}]}
    connection.request("POST", "/anthropic/v1/messages/count_tokens", json.dumps(body), {"x-api-key": "a-key"})
    response = connection.getresponse()
    received = response.read()
    connection.close()
    return response.status, received


def test_raw_account_trouble_reaches_token_counts_if_it_is_everywhere(
    provider: FakeProviders, claude: anthropic.Anthropic
) -> None:
    refused = {"type": "error", "error": {"type": "invalid_request_error", "message": "No."}}
    provider.fault("anthropic", {"response": {"status": 400, "body": refused}}, contains="here alone")
    provider.fault("anthropic", {"response": {"status": 400, "body": refused}}, contains="anywhere", everywhere=True)
    provider.fault("anthropic", {"status": 403}, contains="a key", everywhere=False)
    assert count_tokens(claude, "here alone") == count_tokens(claude, "a key") + 1
    with pytest.raises(anthropic.BadRequestError, match=r"No\."):
        count_tokens(claude, "anywhere")


def test_invalid_token_count_is_a_bad_request(provider: FakeProviders, claude: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError):
        claude.messages.count_tokens(model=CLAUDE_MODEL, messages=[])
    assert [probe["status"] for probe in provider.probes()] == [400]


# The verdict


@pytest.mark.parametrize(
    ("action", "passed"),
    [
        ({"status": 404}, False),
        ({"preset": "proxy_404"}, True),
        ({"response": {"status": 404, "body_text": "404 page not found"}}, True),
        ({"preset": "credit_used_up"}, True),
        ({"preset": "unknown_4xx"}, False),
    ],
    ids=str,
)
def test_verdict_takes_only_the_providers_own_no_for_final(
    provider: FakeProviders, claude: anthropic.Anthropic, action: dict[str, Any], passed: bool
) -> None:
    provider.fault("anthropic", action, times=1)
    with pytest.raises(anthropic.APIStatusError):
        ask_claude(claude)
    ask_claude(claude)
    assert provider.control("GET", "verdict")["passed"] is passed
