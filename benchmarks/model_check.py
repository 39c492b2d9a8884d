"""`model_check`: the model of the whole system held against the local stack, on the same tasks at the same times.

The stack answers with a model of a fixed time. What each step takes here is measured alone, with functions that do
nothing and single requests, and given to the model; nothing is fitted to what the tasks took.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from benchmarks.bench import Bench
from benchmarks.cold_to_done import MODEL_SECONDS, slow_models
from benchmarks.empty_path import STATES, EmptyPath
from benchmarks.figure import Figure, median, p95
from benchmarks.model import Limits, StepTimes, System
from benchmarks.places import TIER_MODELS
from benchmarks.rig import idle_machine
from benchmarks.volumes import PAGE, with_table
from pointsman.values.taxonomy import Tier
from pointsman.values.times import parse_time
from tests.support.local_stack import Stack

TASKS, SECONDS_APART = 60, 0.8
"""How many tasks, and how far apart they are sent: three quarters of a minute, on functions that are warm."""
WITHIN = 0.25
"""Accepted error of the model: it has no processors, which everything here shares."""
TIER = Tier.IMPLEMENTATION
_PROBES = 15


def measure(bench: Bench) -> Iterator[Figure]:
    """Yield what was observed beside what the model says, and put it into docs/scale.md."""
    stack, n = bench.stack, max(bench.runs(TASKS), 3)
    with slow_models(stack):
        send(stack, 3)  # what is cold
        times = local_times(stack)
        observed = send(stack, n)
    predicted = predict(times, n)
    lines = ["| | observed | the model | error |", "|---|--:|--:|--:|"]
    for name, of in (("median", median), ("p95", p95)):
        here, said = of(observed) * 1000, of(predicted) * 1000
        error = abs(said - here) / here
        lines.append(f"| {name} | {here:,.0f} ms | {said:,.0f} ms | {error:.0%} |")
        yield Figure(f"model_check.{name}", said, "ms by the model", "observed", here, n)
        yield Figure(f"model_check.{name}.error", error, "of it", "accepted", WITHIN, n, target=WITHIN, judged="value")
    if n == TASKS:
        PAGE.write_text(with_table(PAGE.read_text(), "check", lines))


def send(stack: Stack, n: int) -> list[float]:
    """Send tasks at equal distances; return the seconds from sending each to its telling."""
    sent = dict[str, float]()
    for _ in range(n):
        task_id = stack.send(prompt="Write a regular expression for ISO dates.", tier=str(TIER))
        sent[task_id] = time.time()
        time.sleep(SECONDS_APART)
    seconds = []
    for task_id, at in sent.items():
        told = stack.ended(task_id).delivered_at
        assert told
        seconds.append(parse_time(told).timestamp() - at)
    return seconds


def predict(times: StepTimes, n: int) -> list[float]:
    """Return the seconds that the model gives to as many tasks, every function being warm."""
    system = System(Limits(free_a_minute=n, free_a_day=n * 10, paid_a_minute=60_000), times)
    return system.run(iter([(number * SECONDS_APART, TIER) for number in range(n)])).all_seconds


def local_times(stack: Stack) -> StepTimes:
    """Return what each step takes on the local stack, alone."""
    empty = EmptyPath(stack)
    empty.run()
    queued, worked = zip(*(empty.parts() for _ in range(_PROBES)), strict=True)
    functions, dynamodb, events = (stack.client(name) for name in ("lambda", "dynamodb", "events"))
    table, key = stack.info.outputs["LimitTableName"], {"limit": {"S": "probe"}}
    invoke = _seconds(lambda: functions.invoke(FunctionName=empty.function, Payload=b"{}"))
    write = {"TableName": table, "Item": key}
    other = {"TableName": table, "Item": {"limit": {"S": "probe-2"}}}
    detail = {"Source": "probe", "DetailType": "probe", "Detail": "{}"}
    machine, states = idle_machine(stack), stack.client("stepfunctions")
    return replace(
        StepTimes(),
        poll=2 * max(median(queued) / 1000 - invoke, 0.0),
        receive=0.0,
        invoke=invoke,
        transition=max(median(worked) / 1000 - invoke, 0.0) / STATES,
        read=_seconds(lambda: dynamodb.get_item(TableName=table, Key=key)),
        write=_seconds(lambda: dynamodb.put_item(**write)),
        transaction=_seconds(lambda: dynamodb.transact_write_items(TransactItems=[{"Put": write}, {"Put": other}])),
        budget_item=0.0,
        start_execution=_seconds(lambda: states.start_execution(stateMachineArn=machine)),
        put_event=_seconds(lambda: events.put_events(Entries=[detail])),
        cold={str(name): 0.0 for name in ("router", *TIER_MODELS)},
        model=dict.fromkeys(Tier, MODEL_SECONDS),
        spread=0.0,
    )


def _seconds(call: Callable[[], Any]) -> float:
    call()  # what the first one builds
    return median([_timed(call) for _ in range(_PROBES)])


def _timed(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
