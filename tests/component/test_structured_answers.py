"""Answers by a task's own schema: what is asked of the providers, what is checked, and what follows a miss."""

from collections.abc import Callable

import pytest

from pointsman.adapters.task_table import TaskTable
from pointsman.execution.workflow_state import Next
from tests.support.attempts import GEMINI, HAIKU, SONNET, answered, configured, started, step
from tests.support.aws import Aws, MotoLedger
from tests.support.router import Router

type Configure = Callable[..., Router]
CITY = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "people": {"type": "integer", "minimum": 0}},
    "required": ["name", "people"],
}
GOOD, BAD = '{"name": "Ulm", "people": 128000}', '{"name": "Ulm", "people": -1}'


@pytest.fixture
def configure(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> Configure:
    return lambda **options: configured(aws, ledger, task_table, **options)


def test_an_answer_by_the_schema_is_delivered_and_its_bytes_are_reserved(configure: Configure) -> None:
    router = configure()
    router.model.then(answered(GOOD))
    state = step(router, started(router, "implementation", type="code_generation", output_schema=CITY))
    (question,) = router.model.questions
    assert question.schema == {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "people": {"type": "integer", "description": '{"minimum":0}'},
        },
        "required": ["name", "people"],
        "additionalProperties": False,
    }
    assert not question.json_only
    assert state.next is Next.DELIVER
    assert router.task().checked is not None


@pytest.mark.parametrize("miss", [BAD, "Ulm, 128,000", f"```json\n{GOOD}\n```", '{"name": "Ulm", "peo'])
def test_an_answer_that_misses_the_schema_is_followed_as_a_failed_check(configure: Configure, miss: str) -> None:
    router = configure()
    router.model.then(answered(miss), answered(GOOD))
    state = step(router, started(router, "implementation", type="code_generation", output_schema=CITY))
    assert (state.next, state.here.model, state.reason) == (Next.RUN, SONNET, "failed_check:output_schema")
    ended = step(router, state)
    assert [question.model for question in router.model.questions] == [HAIKU, SONNET]
    assert ended.next is Next.DELIVER


def test_any_object_is_asked_for_in_words_and_checked(configure: Configure) -> None:
    router = configure()
    router.model.then(answered("[1]"), answered('{"any": 1}'))
    state = step(router, started(router, "orchestration", type="status", output_schema={"type": "object"}))
    (question,) = router.model.questions
    assert (question.model, question.schema, question.json_only) == (GEMINI, None, True)
    assert question.system.endswith('JSON Schema:\n{"type":"object"}')
    assert state.reason == "failed_check:output_schema"


def test_texts_that_end_the_answer_reach_the_model(configure: Configure) -> None:
    router = configure()
    router.model.then(answered("a"))
    step(router, started(router, "implementation", type="code_generation", stop=["END", "\nObservation:"]))
    assert router.model.questions[0].stop == ("END", "\nObservation:")
