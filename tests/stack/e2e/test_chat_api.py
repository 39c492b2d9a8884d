"""The front door on the deployed local stack, by its function URL and the real OpenAI SDK."""

import uuid
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import openai
import pytest

from tests.support.local_stack import TASK_SECONDS, WEB_ORIGIN, Stack

pytestmark = pytest.mark.stack


@pytest.fixture
def client(stack: Stack) -> Iterator[openai.OpenAI]:
    url, seconds = stack.chat_api_url, 2 * TASK_SECONDS
    with openai.OpenAI(base_url=url, api_key=stack.api_key, timeout=seconds, max_retries=0) as built:
        yield built


def test_openai_sdk_is_answered_once(stack: Stack, client: openai.OpenAI) -> None:
    assert "pointsman/auto" in [model.id for model in client.models.list()]
    key = {"Idempotency-Key": uuid.uuid4().hex}
    options = {"model": "pointsman/auto", "metadata": {"ticket": "PAY-8"}, "max_tokens": 200, "extra_headers": key}
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Write a parser in Python."}]
    raw = client.chat.completions.with_raw_response.create(messages=messages, **options)  # type: ignore[call-overload]
    answer = raw.parse()
    task_id = raw.headers["x-pointsman-task-id"]
    record = stack.tasks.read(task_id)
    assert record
    assert (answer.id, answer.model, answer.choices[0].finish_reason) == (task_id, record.model, "stop")
    assert answer.choices[0].message.content == record.answer.inline
    assert answer.usage.total_tokens == sum(record.usage[kind] for kind in ("input", "output"))
    assert record.metadata == {"agent": "tests", "ticket": "PAY-8"}
    assert str(record.sender).startswith("key:")

    again = client.chat.completions.create(messages=messages, stream=True, **options)  # type: ignore[call-overload]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in again) == record.answer.inline
    assert len(stack.requests(task_id)) == 1
    with pytest.raises(openai.ConflictError) as conflict:
        client.chat.completions.create(messages=messages[1:], **options)  # type: ignore[call-overload]
    assert conflict.value.code == "idempotency_conflict"
    assert stack.call_chat_api(f"/v1/tasks/{task_id}")[1]["choices"][0]["message"]["content"] == record.answer.inline


def test_openai_sdk_raises_its_errors(stack: Stack, client: openai.OpenAI) -> None:
    mark = f"refuse-{uuid.uuid4().hex[:8]}"
    stack.fault("anthropic", "refusal", contains=mark)
    hello = [{"role": "user", "content": mark}]
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="pointsman/reasoning", messages=hello)  # type: ignore[arg-type]
    assert refused.value.code == "content_filter"
    with pytest.raises(openai.BadRequestError) as unsupported:
        client.chat.completions.create(model="pointsman/auto", messages=hello, n=2)  # type: ignore[arg-type]
    assert (unsupported.value.param, unsupported.value.code) == ("n", "unsupported_parameter")
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="pm_" + "a" * 43).models.list()


def test_openai_sdk_is_told_to_come_again_by_a_limited_key(stack: Stack) -> None:
    """The first task goes through; others neither begin within the minute nor leave the key's highest tier."""
    hello, more = ([{"role": "user", "content": f"Write {it} in Python."}] for it in ("a parser", "its tests"))
    key = stack.limited_key(rpm=1, highest_tier="implementation", day_usd="1")
    with openai.OpenAI(base_url=stack.chat_api_url, api_key=key, timeout=2 * TASK_SECONDS, max_retries=0) as client:
        assert client.chat.completions.create(model="pointsman/implementation", messages=hello).choices  # type: ignore[arg-type]
        with pytest.raises(openai.RateLimitError) as later:
            client.chat.completions.create(model="pointsman/implementation", messages=more)  # type: ignore[arg-type]
        assert 0 < int(later.value.response.headers["retry-after"]) <= 60
        assert later.value.response.headers["x-should-retry"] == "true"
        with pytest.raises(openai.PermissionDeniedError) as refused:
            client.chat.completions.create(model="pointsman/reasoning", messages=more)  # type: ignore[arg-type]
        assert (refused.value.code, refused.value.param) == ("tier_not_allowed", "model")


def test_each_answer_is_paid_once_and_new_ones_are_new_tasks(stack: Stack) -> None:
    """Counted at the provider: who comes again before the answer was given, another sender, and who asks once more."""
    words = f"Write a parser in Python. {uuid.uuid4().hex}"
    stack.fault("anthropic", {"delay": {"seconds": 4}}, contains=words, times=1)

    def ask(key: str, **headers: str) -> str:
        """Make the request once; return the id of the task whose answer came."""
        with openai.OpenAI(
            base_url=stack.chat_api_url, api_key=key, timeout=2 * TASK_SECONDS, max_retries=0, default_headers=headers
        ) as client:
            said: Any = [{"role": "user", "content": words}]
            answer = client.chat.completions.create(model="pointsman/implementation", messages=said)
            assert answer.choices[0].finish_reason == "stop"
            return answer.id

    with pytest.raises(openai.InternalServerError) as not_ended:
        ask(stack.api_key, Prefer="wait=1")
    assert (not_ended.value.status_code, not_ended.value.code) == (503, "not_ended")
    first = not_ended.value.response.headers["x-pointsman-task-id"]
    assert stack.ended(first).model  # while nobody waits
    assert ask(stack.api_key) == first
    assert stack.calls_of(words) == 1
    others = ask(stack.limited_key())
    assert others != first
    assert stack.calls_of(words) == 2
    again = ask(stack.api_key)
    assert again not in (first, others)
    assert stack.calls_of(words) == 3


def as_a_page(stack: Stack, method: str, origin: str, **headers: str) -> tuple[int, dict[str, str]]:
    """Send a request as a browser does for a page of that origin; return status and headers."""
    request = Request(f"{stack.chat_api_url}/models", method=method)
    marks = {"Origin": origin, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
    for name, value in (marks | headers).items():
        request.add_header(name, value)
    try:
        with urlopen(request, timeout=TASK_SECONDS) as answer:
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}
    except HTTPError as error:
        return error.code, {name.lower(): value for name, value in error.headers.items()}


def test_pages_of_named_origins_alone_may_call(stack: Stack) -> None:
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization,x-stainless-os"}
    status, headers = as_a_page(stack, "OPTIONS", WEB_ORIGIN, **asked)
    assert (status, headers["access-control-allow-origin"]) == (204, WEB_ORIGIN)
    assert headers["access-control-allow-headers"] == asked["Access-Control-Request-Headers"]
    status, headers = as_a_page(stack, "GET", WEB_ORIGIN, Authorization=f"Bearer {stack.api_key}")
    assert (status, headers["access-control-allow-origin"], headers["vary"].lower()) == (200, WEB_ORIGIN, "origin")
    for method in ("OPTIONS", "GET"):
        status, headers = as_a_page(stack, method, "https://evil.example.com", **asked)
        assert status == 403
        assert not any(name.startswith("access-control") for name in headers)
