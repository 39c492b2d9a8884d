"""Calls to AWS of the plain path, once the functions are warm: as many as it takes, and none more."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.model import OperationModel

from pointsman.execution.outcome import CallResult
from pointsman.values.taxonomy import Tier
from tests.support.attempts import answered
from tests.support.aws import SESSION, Aws
from tests.support.functions import Functions, deploy

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish:UserWarning")
BATCH = 10

type Calls = list[str]


@pytest.fixture
def calls() -> Iterator[Calls]:
    """Collect the operations of every client that is made from here on."""
    recorded: Calls = []

    def note(model: OperationModel, **_: Any) -> None:
        recorded.append(f"{model.service_model.service_name}.{model.name}")

    SESSION.events.register("before-parameter-build", note)
    yield recorded
    SESSION.events.unregister("before-parameter-build", note)


@pytest.fixture
def functions(
    calls: Calls, aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Functions]:
    def start(**pointsman: Any) -> Functions:
        return deploy(aws, monkeypatch, lambda: capsys.readouterr().out, {"pointsman": pointsman})

    return start


def batch(first: int, **fields: Any) -> dict[str, Any]:
    """Return an event of ten messages whose texts are all different."""
    tasks = [{"task_id": f"t-{first + n}", "prompt": f"Plan release {first + n}.", **fields} for n in range(BATCH)]
    sent = {"SentTimestamp": "1795348800000"}
    return {
        "Records": [
            {"messageId": f"m-{task['task_id']}", "body": json.dumps(task), "attributes": sent} for task in tasks
        ]
    }


def votes() -> CallResult:
    """Return a verdict on each text of a batch."""
    verdicts = [{"id": str(n), "type": "planning", "confidence": 0.95} for n in range(1, BATCH + 1)]
    return answered(json.dumps({"verdicts": verdicts}))


def test_batch_that_is_decided_locally_makes_two_calls_a_task(
    functions: Callable[..., Functions], calls: Calls
) -> None:
    app = functions()
    app.run("router", batch(0, tier="orchestration"))
    calls.clear()
    assert app.run("router", batch(BATCH, tier="orchestration")) == {"batchItemFailures": []}
    assert Counter(calls) == {
        "dynamodb.BatchGetItem": 1,
        "dynamodb.PutItem": BATCH,
        "stepfunctions.StartExecution": BATCH,
    }
    assert len(calls) / BATCH <= 2.2


def test_batch_that_gemini_decides_makes_less_than_four_calls_a_task(
    functions: Callable[..., Functions], calls: Calls
) -> None:
    app = functions(classifier={"mode": "gemini"})
    app.model.then(votes(), votes())
    app.run("router", batch(0))
    calls.clear()
    assert app.run("router", batch(BATCH)) == {"batchItemFailures": []}
    assert len(app.model.questions) == 2
    made = Counter(calls)
    assert (made["dynamodb.PutItem"], made["dynamodb.UpdateItem"], made["stepfunctions.StartExecution"]) == (BATCH,) * 3
    assert len(calls) / BATCH <= 3.7


@pytest.mark.parametrize("tier", list(Tier))
def test_plain_attempt_makes_six_calls_its_delivery_included(
    functions: Callable[..., Functions], calls: Calls, tier: Tier
) -> None:
    app = functions()
    for number in range(2):
        app.model.then(answered())
        app.send(f"t-{number}", tier=str(tier))
        app.route_messages()
        state = app.aws.client("stepfunctions")
        arn = app.runtime.settings.state_machine_arn.replace(":stateMachine:", ":execution:")
        event = json.loads(state.describe_execution(executionArn=f"{arn}:t-{number}")["input"])
        calls.clear()
        assert app.run(str(tier), event)["delivered"]
    assert calls == [
        "dynamodb.BatchGetItem",
        "dynamodb.TransactWriteItems",
        "dynamodb.TransactWriteItems",
        "dynamodb.GetItem",
        "events.PutEvents",
        "dynamodb.UpdateItem",
    ]
