"""The workflow's definition, played without Step Functions: its JSONata by the library that the local stack uses."""

import json
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from jsonata.jsonata import Jsonata

type State = dict[str, Any]


@cache
def _compiled(expression: str) -> Jsonata:
    return Jsonata(expression.removeprefix("{%").removesuffix("%}").replace("$millis()", "$clock").strip())


def evaluate(expression: str, state: State, now_ms: int, result: Any = None) -> Any:
    """Return the value of a field at a moment; a field without `{%` is a literal."""
    if not (isinstance(expression, str) and expression.startswith("{%")):
        return expression
    if (fields := _read_fields(expression)) is None:
        return _evaluate(expression, state, now_ms, result)
    clock = now_ms if "$millis()" in expression else 0
    return json.loads(
        _cached(expression, json.dumps({name: state.get(name) for name in fields if name in state}), clock)
    )


@cache
def _read_fields(expression: str) -> frozenset[str] | None:
    """Return the fields of the state that an expression depends on beside the time; None if it may depend on more."""
    fields = re.findall(r"\$states\.input\.(\w+)", expression)
    whole = expression.count("$states") > len(fields) or "$random" in expression
    return None if whole else frozenset(fields)


@cache
def _cached(expression: str, fields: str, now_ms: int) -> str:
    return json.dumps(_evaluate(expression, json.loads(fields), now_ms, None))


def _evaluate(expression: str, state: State, now_ms: int, result: Any) -> Any:
    compiled = _compiled(expression)
    frame = compiled.create_frame()
    frame.bind("states", {"input": state, "result": result})
    frame.bind("clock", now_ms)
    return json.loads(json.dumps(compiled.evaluate(None, frame)))


@dataclass
class Choice:
    """What a Choice state did."""

    rule: int | None
    """None for its default."""
    next: str
    state: State


@dataclass
class Machine:
    """One definition."""

    states: dict[str, dict[str, Any]]
    taken: set[tuple[str, int | None]] = field(default_factory=set)
    """The rules of Choice states that were taken."""

    def choose(self, name: str, state: State, now_ms: int) -> Choice:
        """Return what a Choice state does; Step Functions fails if a condition is not a boolean, and so does this."""
        definition = self.states[name]
        for number, rule in enumerate(definition["Choices"]):
            holds = evaluate(rule["Condition"], state, now_ms)
            assert isinstance(holds, bool), f"{name}, rule {number}: {rule['Condition']} is {holds!r}"
            if holds:
                self.taken.add((name, number))
                return Choice(number, rule["Next"], _output(rule, state, now_ms))
        self.taken.add((name, None))
        return Choice(None, definition["Default"], _output(definition, state, now_ms))

    def wait_seconds(self, name: str, state: State, now_ms: int) -> int:
        """Return how long a Wait state waits: what Step Functions takes, a whole number from 0."""
        seconds = evaluate(self.states[name]["Seconds"], state, now_ms)
        assert isinstance(seconds, int), f"{name} waits {seconds!r}"
        assert 0 <= seconds <= 99_999_999
        return seconds

    def leave(self, name: str, state: State, now_ms: int, result: Any = None) -> tuple[str, State]:
        """Return where a state that is no Choice leads, and with what."""
        definition = self.states[name]
        return definition["Next"], _output(definition, state, now_ms, result)

    def catch(self, name: str, state: State, now_ms: int, error: str = "Lambda.Unknown") -> tuple[str, State]:
        """Return where an error in a Task leads, by default a crash, and with what."""
        rules = self.states[name]["Catch"]
        rule = next(rule for rule in rules if {error, "States.ALL"} & set(rule["ErrorEquals"]))
        return rule["Next"], _output(rule, state, now_ms)


def _output(definition: dict[str, Any], state: State, now_ms: int, result: Any = None) -> State:
    if "Output" not in definition:
        return state
    output = evaluate(definition["Output"], state, now_ms, result)
    assert isinstance(output, dict), f"{definition['Output']} is {output!r}"
    return output
