"""The front door on the deployed local stack, by its function URL and the real OpenAI SDK."""

import uuid
from collections.abc import Iterator

import openai
import pytest

from tests.support.local_stack import TASK_SECONDS, Stack

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
