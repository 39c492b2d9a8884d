"""The front door on moto, behind its own function; its event is as a function URL makes it."""

import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from pointsman.adapters.api_keys import DynamoApiKeys
from pointsman.chat_api.authenticator import ApiKeyAuthenticator
from pointsman.chat_api.chat_api import HttpRequest, HttpResponse
from pointsman.contracts.api_key import ApiKey, digest_of, new_key
from pointsman.contracts.sender import SENDER_ATTRIBUTE
from pointsman.entrypoints.front_door import build_chat_api
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.routing.limit_rules import Bounds
from pointsman.values.times import to_text
from pointsman.values.usage import Usage
from tests.support.aws import Aws
from tests.support.fakes import NOON, FakeClock
from tests.support.functions import Functions, deploy

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish:UserWarning")

MODEL = "pointsman/implementation"
HELLO = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
KEY, OTHER = new_key(), new_key()
GOOD = CallResult(Outcome.ANSWERED, text="Good day", usage=Usage(input=9, output=3), answered_by="claude-haiku-5-5")


@pytest.fixture
def shop(aws: Aws, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Functions:
    app = deploy(aws, monkeypatch, lambda: capfd.readouterr().out, {})
    for name, key in (("ci", KEY), ("bot", OTHER)):
        assert app.runtime.stores.api_keys.create(ApiKey(name, str(digest_of(key)), to_text(NOON)))
    return app


def event(method: str, path: str, body: Any = None, *, key: str | None = KEY, **headers: str) -> dict[str, Any]:
    """Return a function URL's event, payload 2.0."""
    bearer = {"authorization": f"Bearer {key}"} if key else {}
    fields: dict[str, Any] = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", **bearer, **headers},
        "requestContext": {"http": {"method": method, "path": path}},
        "isBase64Encoded": False,
    }
    return fields if body is None else fields | {"body": body if isinstance(body, str) else json.dumps(body)}


def call(shop: Functions, stated: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
    answer = shop.run("front_door", stated)
    return answer["statusCode"], json.loads(answer["body"]), answer["headers"]


def ask(
    shop: Functions, body: Any = HELLO, *, path: str = "/v1/chat/completions", key: str = KEY, **headers: str
) -> HttpResponse:
    """Make a request whose caller waits for nothing."""
    stated = {"authorization": f"Bearer {key}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    request = HttpRequest("POST", path, stated, json.dumps(body).encode())
    return shop.runtime.part(build_chat_api)(request, 0.0)


def begin(shop: Functions, body: Any = HELLO, idempotency_key: str | None = "k") -> str:
    """Make a request whose caller waits for nothing; return the task's id."""
    response = ask(
        shop, body, prefer="respond-async", **({"idempotency-key": idempotency_key} if idempotency_key else {})
    )
    document = json.loads(response.body)
    assert (response.status, document["status"]) == (202, "queued")
    assert response.headers["x-pointsman-task-id"] == document["task_id"]
    assert response.headers["location"] == f"/v1/tasks/{document['task_id']}"
    return str(document["task_id"])


def test_a_request_is_a_task_on_the_queue_and_its_answer_a_completion(shop: Functions) -> None:
    task_id = begin(shop, {**HELLO, "user": "u-1", "max_tokens": 50})
    assert call(shop, event("GET", f"/v1/tasks/{task_id}"))[:2] == (202, {"task_id": task_id, "status": "queued"})
    shop.model.then(GOOD)
    shop.route_messages()
    assert call(shop, event("GET", f"/v1/tasks/{task_id}"))[:2] == (202, {"task_id": task_id, "status": "claimed"})
    shop.play(task_id)
    record = shop.runtime.stores.tasks.read(task_id)
    assert record
    assert (record.metadata, record.decision and record.decision.source) == (
        {"agent": "ci", "user": "u-1"},
        "explicit",
    )
    assert shop.model.questions[0].max_output_tokens == 50

    fetched = call(shop, event("GET", f"/v1/tasks/{task_id}"))
    # The same request again is the same task, and waits for nothing.
    again = call(
        shop,
        event("POST", "/v1/chat/completions", {**HELLO, "user": "u-1", "max_tokens": 50}, **{"idempotency-key": "k"}),
    )
    for status, body, headers in (fetched, again):
        assert (status, body["id"], headers["x-pointsman-task-id"]) == (200, task_id, task_id)
        assert body["choices"][0]["message"]["content"] == "Good day"
        assert (body["model"], body["usage"]["total_tokens"]) == ("claude-haiku-5-5", 12)
    shop.route_messages()
    assert len(shop.model.questions) == 1


def waits_for(response: HttpResponse) -> str:
    """Return the task that a request is told to wait for, by an error that SDKs answer by sending it again."""
    error = json.loads(response.body)["error"]
    assert (response.status, error["code"], response.headers["x-should-retry"]) == (503, "not_ended", "true")
    assert response.headers["retry-after"] == "1"
    task_id = response.headers["x-pointsman-task-id"]
    assert task_id in error["message"]
    assert response.headers["location"] == f"/v1/tasks/{task_id}"
    return task_id


def test_same_request_is_one_task_until_its_answer_is_handed_out(shop: Functions) -> None:
    first = waits_for(ask(shop))
    assert waits_for(ask(shop)) == first  # at once, before the router has seen it
    finish(shop, first, GOOD)
    answer = ask(shop, {**HELLO, "stream": False})  # nobody has got it yet
    assert (answer.status, answer.headers["x-pointsman-task-id"]) == (200, first)
    assert len(shop.model.questions) == 1
    second = waits_for(ask(shop))
    assert second != first
    finish(shop, second, GOOD)
    assert ask(shop).headers["x-pointsman-task-id"] == second
    assert len(shop.model.questions) == 2
    assert waits_for(ask(shop, key=OTHER)) not in (first, second)
    assert waits_for(ask(shop, {**HELLO, "max_tokens": 7})) not in (first, second)


def test_task_that_runs_is_not_sent_again_for_who_waits_on(shop: Functions) -> None:
    first = waits_for(ask(shop))
    shop.model.then(GOOD)
    shop.route_messages()
    assert waits_for(ask(shop)) == first
    assert "Messages" not in shop.aws.client("sqs").receive_message(QueueUrl=shop.queue_url)
    shop.play(first)
    assert ask(shop, path="/v1/chat/completions").status == 200


def test_failure_that_was_told_is_not_told_again(shop: Functions) -> None:
    first = waits_for(ask(shop))
    finish(shop, first, CallResult(Outcome.REFUSED))
    assert ask(shop).status == 400
    assert waits_for(ask(shop)) != first


def test_answer_that_was_fetched_is_handed_out(shop: Functions) -> None:
    first = waits_for(ask(shop))
    finish(shop, first, GOOD)
    assert call(shop, event("GET", f"/v1/tasks/{first}"))[0] == 200
    assert waits_for(ask(shop)) != first


def test_answer_that_was_lost_on_its_way_is_given_to_a_retry(shop: Functions) -> None:
    first = waits_for(ask(shop))
    finish(shop, first, GOOD)
    assert ask(shop).status == 200
    retried = ask(shop, x_stainless_retry_count="1")
    assert (retried.status, retried.headers["x-pointsman-task-id"]) == (200, first)
    second = waits_for(ask(shop, x_stainless_retry_count="0"))
    assert second != first
    shop.route_messages()
    assert waits_for(ask(shop, x_stainless_retry_count="2")) == second  # which is the one that runs
    shop.clock.sleep(11 * 60)
    assert len(shop.model.questions) == 1


def test_answer_that_nobody_got_for_an_hour_is_left(shop: Functions) -> None:
    first = waits_for(ask(shop))
    finish(shop, first, GOOD)
    shop.clock.sleep(3601)
    second = waits_for(ask(shop))
    assert second != first
    assert waits_for(ask(shop)) == second


def test_each_form_is_answered_in_its_own(shop: Functions) -> None:
    hello = HELLO["messages"]
    bodies = {
        "/v1/responses": {"model": MODEL, "input": hello},
        "/v1/messages": {"model": MODEL, "max_tokens": 16_384, "messages": hello},
    }
    finish(shop, waits_for(ask(shop)), GOOD)
    assert json.loads(ask(shop, bodies["/v1/responses"], path="/v1/responses").body)["output"][0]["role"] == "assistant"
    unknown = ask(shop, {**bodies["/v1/messages"], "model": "gpt-5"}, path="/v1/messages")
    assert json.loads(unknown.body)["error"]["type"] == "not_found_error"
    by_header = {"x_api_key": KEY, "anthropic_version": "2026-10-21"}
    late = ask(shop, bodies["/v1/messages"], path="/v1/messages", key="none", **by_header)
    assert (late.status, json.loads(late.body)["error"]["type"], late.headers["x-should-retry"]) == (
        *(503, "api_error"),
        "true",
    )
    finish(shop, late.headers["x-pointsman-task-id"], GOOD)
    answer = ask(shop, {**bodies["/v1/messages"], "stream": True}, path="/v1/messages", key="none", **by_header)
    assert answer.headers["content-type"] == "text/event-stream"
    assert '"text":"Good day"' in answer.body


def test_a_model_s_name_asks_for_its_tier(shop: Functions) -> None:
    for name, tier in (("claude-sonnet-5-5", "reasoning"), ("gemini-3.5-flash-lite", "orchestration")):
        task_id = waits_for(ask(shop, {**HELLO, "model": name}))
        shop.route_messages()
        record = shop.runtime.stores.tasks.read(task_id)
        assert record
        assert record.tier == tier


def test_who_says_when_it_hangs_up_is_answered_before(shop: Functions) -> None:
    request = HttpRequest("POST", "/", {"x-stainless-read-timeout": "20.5", "x-stainless-retry-count": "1"})
    assert (request.patience, request.is_retry) == (20.5, True)
    assert HttpRequest("POST", "/", {"x-stainless-timeout": "600"}).patience == 600
    assert HttpRequest("POST", "/", {"x-stainless-read-timeout": "nan"}).patience is None
    preferring = HttpRequest("POST", "/", {"prefer": "respond-async, wait=10"})
    assert (preferring.longest_wait, preferring.prefers_to_poll) == (10, True)


def test_unknown_field_is_ignored_and_said(shop: Functions) -> None:
    finish(shop, waits_for(ask(shop)), GOOD)
    unheard = {"metdata": {"a": "b"}, "guided_json": {}, "ö\r\nset-cookie: a": 1}
    answer = ask(shop, {**HELLO, **unheard})
    assert (answer.status, answer.headers["x-pointsman-warning"]) == (
        200,
        "ignored: guided_json, metdata (did you mean metadata?), a field",
    )
    waits_for(ask(shop))
    many = ask(shop, {**HELLO, **{f"field_{number}": 1 for number in range(500)}}, prefer="respond-async")
    assert (many.status, len(many.headers["x-pointsman-warning"])) == (202, 1_000)
    assert "x-pointsman-warning" not in ask(shop, prefer="respond-async").headers


def test_pages_of_named_origins_may_call(shop: Functions) -> None:
    door, page = shop.runtime.part(build_chat_api), "https://app.example.com"
    named = replace(door, origins=frozenset({page}))
    asked = {"access-control-request-headers": "authorization, x-stainless-os"}
    preflight = named(HttpRequest("OPTIONS", "/v1/chat/completions", {"origin": page, **asked}), 0.0)
    assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (204, page)
    assert preflight.headers["access-control-allow-headers"] == asked["access-control-request-headers"]
    refused = named(HttpRequest("POST", "/v1/chat/completions", {"origin": page}), 0.0)
    assert (refused.status, refused.headers["access-control-allow-origin"]) == (401, page)
    for app, origin in ((named, "https://evil.example.com"), (door, page)):
        response = app(HttpRequest("OPTIONS", "/v1/chat/completions", {"origin": origin, **asked}), 0.0)
        assert response.status == 401
        assert not any(name.startswith("access-control") for name in response.headers)


def test_a_body_may_come_as_base64(shop: Functions) -> None:
    finish(shop, begin(shop), GOOD)
    http_event = event("POST", "/v1/chat/completions", base64.b64encode(json.dumps(HELLO).encode()).decode())
    http_event["headers"]["idempotency-key"] = "k"
    assert call(shop, {**http_event, "isBase64Encoded": True})[0] == 200


def test_a_stream_is_the_answer_in_one_piece(shop: Functions) -> None:
    finish(shop, begin(shop), GOOD)
    http_event = event("POST", "/v1/chat/completions", {**HELLO, "stream": True}, **{"idempotency-key": "k"})
    answer = shop.run("front_door", http_event)
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (200, "text/event-stream")
    assert answer["body"].endswith("data: [DONE]\n\n")
    assert '"content":"Good day"' in answer["body"]


def finish(shop: Functions, task_id: str, *results: CallResult) -> None:
    shop.model.then(*results)
    shop.route_messages()
    shop.play(task_id)


def test_a_failure_says_why_and_is_not_to_be_tried_again(shop: Functions) -> None:
    task_id = begin(shop)
    finish(shop, task_id, CallResult(Outcome.REFUSED))
    status, body, headers = call(shop, event("GET", f"/v1/tasks/{task_id}"))
    assert (status, body["error"]["code"]) == (400, "content_filter")
    assert (headers["x-should-retry"], headers["x-pointsman-task-id"]) == ("false", task_id)


def test_request_may_say_what_it_may_cost(shop: Functions) -> None:
    task_id = begin(shop, {**HELLO, "max_cost_usd": "0.000000001"})
    shop.route_messages()
    shop.play(task_id)
    assert shop.model.questions == []
    status, body, _ = call(shop, event("GET", f"/v1/tasks/{task_id}"))
    assert (status, body["error"]["code"]) == (429, "insufficient_quota")


def test_a_used_key_with_another_request_is_a_conflict(shop: Functions) -> None:
    """It is told to its sender, and leaves no message that could be rejected."""
    finish(shop, begin(shop), GOOD)
    other = event("POST", "/v1/chat/completions", {**HELLO, "max_tokens": 7}, **{"idempotency-key": "k"})
    status, body, _ = call(shop, other)
    assert (status, body["error"]["code"]) == (409, "idempotency_conflict")
    assert "Idempotency-Key" in body["error"]["message"]
    assert "Messages" not in shop.aws.client("sqs").receive_message(QueueUrl=shop.queue_url)


def test_conflict_that_shows_only_in_the_queue_is_answered_by_its_own_message(shop: Functions) -> None:
    begin(shop)
    begin(shop, {**HELLO, "max_tokens": 7})  # the first is not claimed yet
    shop.route_messages()
    door, request = shop.runtime.part(build_chat_api), {**HELLO, "max_tokens": 7}
    headers = {"authorization": f"Bearer {KEY}", "idempotency-key": "k"}
    result = HttpRequest("POST", "/v1/chat/completions", headers, json.dumps(request).encode())
    assert door(result, 0.0).status == 409


def test_tasks_belong_to_the_principal_whichever_key_it_has(shop: Functions) -> None:
    first, second = new_key(), new_key()
    for name, secret in (("laptop", first), ("laptop-2", second)):
        record = ApiKey(name, str(digest_of(secret)), to_text(NOON), principal="ada")
        assert shop.runtime.stores.api_keys.create(record)
    task_id = waits_for(ask(shop, key=first, idempotency_key="k"))
    sent = shop.aws.client("sqs").receive_message(
        QueueUrl=shop.queue_url, MessageAttributeNames=["All"], VisibilityTimeout=0
    )
    (message,) = sent["Messages"]
    assert message["MessageAttributes"][SENDER_ATTRIBUTE]["StringValue"] == "key:ada"
    finish(shop, task_id, GOOD)
    shop.runtime.stores.api_keys.revoke("laptop", NOON)
    again = event("POST", "/v1/chat/completions", HELLO, key=second, **{"idempotency-key": "k"})
    assert call(shop, again)[1]["id"] == task_id
    assert call(shop, event("GET", f"/v1/tasks/{task_id}", key=second))[0] == 200
    assert len(shop.model.questions) == 1


def test_task_of_one_api_key_is_hidden_from_others(shop: Functions) -> None:
    task_id = begin(shop)
    finish(shop, task_id, GOOD)
    status, body, _ = call(shop, event("GET", f"/v1/tasks/{task_id}", key=OTHER))
    assert (status, body["error"]["code"]) == (404, "task_not_found")
    assert waits_for(ask(shop, key=OTHER, idempotency_key="k")) != task_id


@pytest.mark.parametrize(
    "path", ["/v1/tasks/", "/v1/tasks/..", "/v1/tasks/t-1", "/v1/tasks/a/b", "/", "/v1/completions"]
)
def test_unknown_route_or_task_is_not_found(shop: Functions, path: str) -> None:
    assert call(shop, event("GET", path))[0] == 404


def test_the_models_are_listed(shop: Functions) -> None:
    status, body, _ = call(shop, event("GET", "/v1/models"))
    assert (status, body["data"][0]["id"]) == (200, "pointsman/auto")


def test_one_model_is_found_by_its_name(shop: Functions) -> None:
    _, listed, _ = call(shop, event("GET", "/v1/models"))
    for model in listed["data"]:
        for path in (model["id"], quote(model["id"], safe="")):  # as SDKs write a slash
            assert call(shop, event("GET", f"/v1/models/{path}"))[:2] == (200, model)
    status, body, _ = call(shop, event("GET", "/v1/models/gpt-5"))
    assert (status, body["error"]["code"]) == (404, "model_not_found")


def test_unknown_path_is_told_the_known_ones(shop: Functions) -> None:
    _, body, _ = call(shop, event("POST", "/v1/completions", HELLO))
    assert (
        "POST /v1/chat/completions, POST /v1/responses, POST /v1/messages, GET /v1/models, GET"
        in body["error"]["message"]
    )


def test_invalid_chat_request_is_rejected_before_it_is_sent(shop: Functions) -> None:
    for body, status, code in (
        ({**HELLO, "n": 2}, 400, "unsupported_parameter"),
        ({**HELLO, "metadata": {"": "x"}}, 400, "invalid_value"),
        ({**HELLO, "max_cost_usd": "a lot"}, 400, "invalid_value"),
        ({**HELLO, "messages": [{"role": "user", "content": "x" * 1_048_576}]}, 413, "request_too_large"),
    ):
        response, output, _ = call(shop, event("POST", "/v1/chat/completions", body))
        assert (response, output["error"]["code"]) == (status, code)
    sqs = shop.aws.client("sqs")
    assert "Messages" not in sqs.receive_message(QueueUrl=shop.queue_url)


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer x", f"Basic {KEY}", f"Bearer {new_key()}", "Bearer ö"],
    ids=["none", "empty", "no key", "short", "not a bearer", "unknown", "not ASCII"],
)
def test_request_without_a_valid_api_key_is_unauthorized(shop: Functions, header: str | None) -> None:
    http_event = event("POST", "/v1/chat/completions", HELLO, key=None)
    if header is not None:
        http_event["headers"]["authorization"] = header
    status, body, _ = call(shop, http_event)
    assert (status, body["error"]["code"]) == (401, "invalid_api_key")


def test_neither_key_nor_text_is_printed(shop: Functions) -> None:
    task_id = begin(shop, {**HELLO, "messages": [{"role": "user", "content": "the secret words"}]})
    call(shop, event("GET", f"/v1/tasks/{task_id}"))
    call(shop, event("GET", "/v1/models", key=new_key()))
    printed = "".join(shop.printed["front_door"])
    assert not any(secret in printed for secret in (KEY, "secret words", str(digest_of(KEY))))


class Counted:
    """The keys in the table, and how often they are read."""

    def __init__(self, keys: DynamoApiKeys) -> None:
        self.keys, self.reads = keys, 0

    def __getattr__(self, name: str) -> Any:
        if name == "read":
            self.reads += 1
        return getattr(self.keys, name)


@pytest.fixture
def keys(aws: Aws) -> DynamoApiKeys:
    return DynamoApiKeys(aws.client("dynamodb"), aws.tables)


def test_a_key_opens_until_it_is_revoked_or_has_expired(keys: DynamoApiKeys) -> None:
    clock, counted = FakeClock(), Counted(keys)
    keeper = ApiKeyAuthenticator(counted.read, clock)
    late = to_text(NOON + timedelta(days=1))
    assert keys.create(ApiKey("ci", str(digest_of(KEY)), to_text(NOON), expires_at=late))
    assert not keys.create(ApiKey("ci", str(digest_of(OTHER)), to_text(NOON)))
    admission = keeper.admit(f"Bearer {KEY}")
    assert admission == keys.read()[0]
    clock.advance(86_400)
    assert keeper.admit(f"bearer {KEY}") is None

    assert keeper.admit(f"Bearer {OTHER}") is None
    assert keys.create(ApiKey("bot", str(digest_of(OTHER)), to_text(NOON)))
    clock.advance(5)
    assert keeper.admit(f"Bearer {OTHER}")
    assert keys.revoke("bot", NOON)
    assert not keys.revoke("nobody", NOON)
    clock.advance(60)
    assert keeper.admit(f"Bearer {OTHER}") is None


def test_guessing_costs_no_reads(keys: DynamoApiKeys) -> None:
    counted = Counted(keys)
    keeper = ApiKeyAuthenticator(counted.read, FakeClock())
    for _ in range(50):
        assert keeper.admit(f"Bearer {new_key()}") is None
    assert counted.reads == 1


def test_a_wait_that_breaks_does_not_lose_the_task(shop: Functions, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task is sent: who heard of an error would send it again, and pay again."""
    door_app = shop.runtime.part(build_chat_api)
    begin(shop)
    monkeypatch.setattr(door_app.client, "results", None)
    assert waits_for(ask(shop, idempotency_key="k"))


def test_what_cannot_be_looked_up_is_not_sent(shop: Functions, monkeypatch: pytest.MonkeyPatch) -> None:
    """It could be a task that is paid already."""
    monkeypatch.setattr(shop.runtime.part(build_chat_api).client, "_tasks", None)
    response = ask(shop)
    assert (response.status, json.loads(response.body)["error"]["code"]) == (503, "unavailable")
    assert "Messages" not in shop.aws.client("sqs").receive_message(QueueUrl=shop.queue_url)


# Limits


def limited(shop: Functions, **bounds: Any) -> str:
    """Return a new key whose principal has these limits of its own."""
    key, stores = new_key(), shop.runtime.stores
    assert stores.api_keys.create(ApiKey("guest", str(digest_of(key)), to_text(NOON), principal="guest", limited=True))
    stores.grants.set_own("sender key:guest", Bounds.model_validate(bounds))
    return key


def ask_by(shop: Functions, key: str, words: str, model: str = MODEL, **headers: str) -> HttpResponse:
    """Make a request whose caller waits for nothing."""
    body = {"model": model, "messages": [{"role": "user", "content": words}]}
    stated = {"authorization": f"Bearer {key}", "prefer": "respond-async", **headers}
    request = HttpRequest("POST", "/v1/chat/completions", stated, json.dumps(body).encode())
    return shop.runtime.part(build_chat_api)(request, 0.0)


def test_too_many_requests_are_answered_as_sdks_retry_them(shop: Functions) -> None:
    key = limited(shop, rpm=2)
    again = {"idempotency-key": "once"}
    assert [ask_by(shop, key, "One", **again).status, ask_by(shop, key, "Two").status] == [202, 202]
    refused = ask_by(shop, key, "Three")
    assert (refused.status, json.loads(refused.body)["error"]["code"]) == (429, "rate_limit_exceeded")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert refused.headers["x-should-retry"] == "true"
    assert ask_by(shop, KEY, "Three").status == 202  # another's
    assert ask_by(shop, key, "One", **again).status == 202  # has begun before, as has the next
    assert ask_by(shop, key, "Two").status == 202
    shop.clock.sleep(61)
    assert ask_by(shop, key, "Three").status == 202


def test_place_that_the_door_took_is_the_task_s(shop: Functions) -> None:
    """And its task needs no other."""
    key = limited(shop, in_flight=1, rpm=9)
    task_id = json.loads(ask_by(shop, key, "One").body)["task_id"]
    assert ask_by(shop, key, "Two").status == 429
    shop.model.then(GOOD)
    shop.route_messages()
    shop.play(task_id)
    assert ask_by(shop, key, "Two").status == 202


def test_tier_above_the_key_s_highest_is_no_task(shop: Functions) -> None:
    key = limited(shop, highest_tier="implementation")
    refused = ask_by(shop, key, "One", "pointsman/reasoning")
    assert (refused.status, json.loads(refused.body)["error"]["param"]) == (403, "model")
    assert ask_by(shop, key, "One").status == 202


def test_limits_are_the_principal_s_by_whichever_key(shop: Functions) -> None:
    limited(shop, rpm=1)
    other = new_key()
    keys = shop.runtime.stores.api_keys
    assert keys.create(ApiKey("guest-2", str(digest_of(other)), to_text(NOON), principal="guest"))
    assert [ask_by(shop, other, words).status for words in ("One", "Two")] == [202, 429]


def test_key_without_limits_reads_and_writes_nothing_more(shop: Functions) -> None:
    calls = list[str]()
    client = shop.runtime.stores.dynamodb
    client.meta.events.register("provide-client-params.dynamodb", lambda model, **_: calls.append(model.name))
    ask_by(shop, KEY, "One", **{"idempotency-key": "k"})
    assert calls == ["GetItem"]  # the keys
