"""Pages of `pointsman ui` over very many tasks: what each reads does not grow with what is stored."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks import list as list_benchmark
from benchmarks.list import Stored
from pointsman.adapters.dynamo import Tables
from pointsman.adapters.task_list import TaskList
from pointsman_cli.task_list import MOST_LOOKED_AT
from pointsman_cli.ui.ui_context import PAGE_ROWS
from tests.support.aws import Aws
from tests.support.ui_window import Window, stack_connection

FEW, MANY = 10_000, 1_000_000
MOST_REQUESTS = {"/": 20, "/now": 20, "/tasks": 4, "/tasks?search=no+such+words": 115, "/tasks?sort=cost": 115}
"""To the index and the tasks, of each page: 100 tasks a request."""


@pytest.fixture
def window_over(aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Stored], Window]:
    """Return the pages over stored tasks; the other tables are small."""
    monkeypatch.setattr(list_benchmark, "NOW", datetime.now(UTC))
    connection = stack_connection(aws, tmp_path, monkeypatch)

    def window(stored: Stored) -> Window:
        connection.runtime.stores.__dict__["task_list"] = TaskList(stored, Tables("tasks", "", ""))
        return Window(connection)

    return window


def test_page_reads_as_much_of_a_million_tasks_as_of_ten_thousand(
    window_over: Callable[[Stored], Window],
) -> None:
    requests = Counter[tuple[str, int]]()
    for size in (FEW, MANY):
        stored = Stored(size)
        window = window_over(stored)
        window.page("/tasks")  # imports and templates
        for path in MOST_REQUESTS:
            before = stored.requests
            page = window.page(path)
            requests[path, size] = stored.requests - before
            assert page.count('<th scope="row"') <= 2 * PAGE_ROWS
    assert f"newest {MOST_LOOKED_AT:,} tasks" in window.page("/tasks?search=no+such+words")
    for path, most in MOST_REQUESTS.items():
        assert 0 < requests[path, MANY] <= most, path
        assert requests[path, MANY] <= requests[path, FEW], path
