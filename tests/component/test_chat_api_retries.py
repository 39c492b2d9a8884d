"""SDKs that send a request again by themselves: they wait on for the same task, and the model is asked once."""

from collections.abc import Callable
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from pointsman.chat_api.chat_api import HttpRequest
from pointsman.contracts.api_key import ApiKey, digest_of, new_key
from pointsman.entrypoints.front_door import build_chat_api
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.values.times import to_text
from pointsman.values.usage import Usage
from tests.support.aws import Aws
from tests.support.fakes import NOON
from tests.support.functions import Functions, deploy

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish:UserWarning")

KEY = new_key()
HELLO: Any = [{"role": "user", "content": "Hello"}]
MODEL = "pointsman/implementation"
GOOD = CallResult(Outcome.ANSWERED, text="Good day", usage=Usage(input=9, output=3), answered_by="claude-haiku-5-5")


class Door(httpx2.BaseTransport):
    """The front door as an SDK's transport. The task ends after the first two requests were told to ask again."""

    def __init__(self, shop: Functions) -> None:
        self.shop, self.statuses, self.breaks = shop, list[int](), 0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        stated = HttpRequest(request.method, request.url.path, headers, request.read())
        response = self.shop.runtime.part(build_chat_api)(stated, 0.0)
        self.statuses.append(response.status)
        if len(self.statuses) == 1:
            self.shop.model.then(GOOD)
            self.shop.route_messages()
        if len(self.statuses) == 2:
            self.shop.play(response.headers["x-pointsman-task-id"])
        if response.status == 200 and self.breaks:
            self.breaks -= 1
            raise httpx2.ReadError("the answer is lost on its way")
        return httpx2.Response(response.status, headers=response.headers, content=response.body.encode())


def by_openai(door: Door) -> str:
    client = openai.OpenAI(base_url="http://door/v1", api_key=KEY, http_client=httpx2.Client(transport=door))
    return str(client.chat.completions.create(model=MODEL, messages=HELLO).choices[0].message.content)


def by_anthropic(door: Door) -> str:
    client = anthropic.Anthropic(base_url="http://door", api_key=KEY, http_client=httpx2.Client(transport=door))
    (block,) = client.messages.create(model=MODEL, max_tokens=9, messages=HELLO).content
    return block.text if block.type == "text" else ""


@pytest.fixture
def door(aws: Aws, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Door:
    monkeypatch.setattr("time.sleep", lambda _: None)
    shop = deploy(aws, monkeypatch, lambda: capfd.readouterr().out, {})
    assert shop.runtime.stores.api_keys.create(ApiKey("ci", str(digest_of(KEY)), to_text(NOON)))
    return Door(shop)


@pytest.mark.parametrize("ask", [by_openai, by_anthropic])
def test_default_retries_wait_on_and_are_paid_once(door: Door, ask: Callable[[Door], str]) -> None:
    assert ask(door) == "Good day"
    assert door.statuses == [503, 503, 200]
    assert len(door.shop.model.questions) == 1


def test_answer_that_is_lost_on_its_way_comes_again(door: Door) -> None:
    first = openai.OpenAI(base_url="http://door/v1", api_key=KEY, http_client=httpx2.Client(transport=door))
    door.breaks = 1
    retrying = first.with_options(max_retries=3)
    assert retrying.chat.completions.create(model=MODEL, messages=HELLO).choices[0].message.content == "Good day"
    assert door.statuses == [503, 503, 200, 200]
    assert len(door.shop.model.questions) == 1
