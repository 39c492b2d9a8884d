"""What the emulator does at rest: idle workers end, the last of each function too, and no schedule runs."""

import sys
import threading
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from devstack import at_rest
from devstack.at_rest import IDLE_SECONDS, end_idle_workers

NOW = 1_000_000.0


def worker(idle: float, in_use: bool = False) -> SimpleNamespace:
    return SimpleNamespace(last_used=NOW - idle, in_use=in_use)


def runtime(**workers: list[SimpleNamespace]) -> Any:
    """Return the part of MiniStack that holds the workers; `killed` are those that were ended."""
    killed: list[SimpleNamespace] = []
    return SimpleNamespace(_workers=dict(workers), _lock=threading.Lock(), kill_workers=killed.extend, killed=killed)


def test_worker_that_is_idle_for_long_ends_also_if_it_is_the_last() -> None:
    idle, fresh, busy = worker(IDLE_SECONDS), worker(IDLE_SECONDS - 1), worker(9_999, in_use=True)
    pools = runtime(router=[idle], delivery=[worker(IDLE_SECONDS + 5), fresh], sweep=[busy])
    assert end_idle_workers(pools, NOW) == 2
    assert pools._workers == {"delivery": [fresh], "sweep": [busy]}
    assert idle in pools.killed
    assert end_idle_workers(pools, NOW) == 0


def test_warm_up_of_the_template_keeps_its_workers() -> None:
    assert IDLE_SECONDS > 5 * 60 + 60


def test_emulator_starts_no_ticker_and_ends_surplus_workers_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler, functions = ModuleType("scheduler"), ModuleType("functions")
    scheduler.start_scheduler = lambda: pytest.fail("the ticker runs")  # type: ignore[attr-defined]
    functions.reap_idle_workers = lambda: 3  # type: ignore[attr-defined]
    pools = runtime(router=[SimpleNamespace(last_used=0.0, in_use=False)])
    monkeypatch.setitem(sys.modules, "ministack.services.scheduler", scheduler)
    monkeypatch.setitem(sys.modules, "ministack.core.lambda_runtime", pools)
    monkeypatch.setitem(sys.modules, "ministack.services.lambda_svc", functions)
    at_rest.rest_more()
    scheduler.start_scheduler()  # type: ignore[attr-defined]
    assert functions.reap_idle_workers() == 4  # type: ignore[attr-defined]
    assert pools._workers == {}
