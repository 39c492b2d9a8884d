"""What may need a person, in all forms of the report."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.execution.outcome import AccountTrouble, Shortfall
from pointsman.execution.waiting import Waiting, WaitingFor
from pointsman.report.figures.day_tasks import DayTask, DayTasks, TaskKind, day_tasks
from pointsman.report.figures.drivers import drivers
from pointsman.report.figures.stack_place import StackPlace
from pointsman.report.render.as_csv import render_csv
from pointsman.report.render.as_json import as_json
from pointsman.report.render.attention import attention_of
from pointsman.report.render.html import render_html
from pointsman.report.render.text import render_summary, render_text
from pointsman.values.times import to_text
from tests.support.pages import parse_page
from tests.support.report_rows import FLASH, HAIKU, SINCE, SONNET, UNTIL, report_of, row

QUIET = [row("t1")]
COUNTERS = {"day_21": 2_000_000}


def refusal(
    task_id: str, model: str = HAIKU, account: str | None = "credit", outcome: str = "account"
) -> dict[str, Any]:
    return row(task_id, model=model, outcome=outcome, account=account, cost_nano=0, input=0, output=0)


def test_nothing_needs_attention_when_all_is_well() -> None:
    report = report_of(*QUIET, counters=COUNTERS)
    assert as_json(report)["attention"] == []
    assert "All is well" in render_html(report)


def test_account_trouble_is_the_first_item_with_what_to_do() -> None:
    rows = [*QUIET, refusal("t2"), refusal("t3", SONNET), row("t4", outcome=None, reserved_nano=50_000_000)]
    report = report_of(*rows, counters={"day_21": 52_000_000, "day_21_open": 50_000_000})
    first, *others = as_json(report)["attention"]
    assert first == {
        "what": "account",
        "why": "anthropic refused 2 calls (credit): no credit is left, or billing is off.",
        "money_nano_usd": 0,
        "do": "Buy credit or turn billing on at the provider, unless `pointsman doctor` shows that it is over.",
    }
    assert {"what": "open_calls", "money_nano_usd": 50_000_000}.items() <= others[-1].items()
    page, text = "".join(parse_page(render_html(report)).itertext()), " ".join(render_text(report).split())
    assert first["why"] in page
    assert first["do"].replace("`", "") in page
    assert f"{first['why']} {first['do']}" in text
    assert "! anthropic refuses the account: credit" in render_summary(report)


@pytest.mark.parametrize("trouble", AccountTrouble)
def test_every_account_trouble_has_a_reason_and_a_step(trouble: AccountTrouble) -> None:
    (item,) = attention_of(report_of(*QUIET, refusal("t2", FLASH, str(trouble)), counters=COUNTERS))
    assert (item.what, f"({trouble})" in item.why, item.why.startswith("gemini")) == ("account", True, True)
    assert item.do


def test_refused_key_of_an_older_row_counts_as_account_trouble() -> None:
    (item,) = attention_of(report_of(*QUIET, refusal("t2", account=None, outcome="auth"), counters=COUNTERS))
    assert "(key)" in item.why


def waiting(cap: str = "day_21_implementation", needs: int = 900_000) -> Waiting:
    return Waiting(WaitingFor.BUDGET, UNTIL, UNTIL, HAIKU, None, Shortfall(cap, needs, 300_000, 0))


def tasks_of(*kinds: str) -> DayTasks:
    """Return tasks by their kinds."""
    tasks = [
        DayTask(
            f"t{number}",
            to_text(SINCE + timedelta(minutes=number)),
            "started" if kind == "held" else kind,
            reason="deadline",
            waiting=waiting() if kind == "held" else None,
        )
        for number, kind in enumerate(kinds)
    ]
    return day_tasks(tasks, UNTIL)


BAD_DAY = tasks_of("completed", *["held"] * 3, *["failed"] * 3, "rejected")


def test_day_with_held_failed_and_rejected_tasks_says_so_in_every_form() -> None:
    report = report_of(*QUIET, counters=COUNTERS, received=BAD_DAY)
    document = as_json(report)
    counts = {"completed": 1, "failed": 3, "rejected": 1, "cancelled": 0, "held": 3, "under_way": 0}
    assert document["tasks"] == {"received": 8, **counts}
    assert document["reasons"]["failed"] == {"deadline": 3}
    assert document["reasons"]["held"] == {"day_21_implementation": 3}
    assert [item["what"] for item in document["attention"]] == ["held", "failed", "rejected"]
    assert document["attention"][0]["money_nano_usd"] == 2_700_000
    assert not document["all_is_well"]
    page, text, message = render_html(report), render_text(report), render_summary(report)
    for form in (text, message):
        assert "8 received, 1 completed, 3 failed, 3 held, 1 rejected" in " ".join(form.split())
    shown = " ".join("".join(parse_page(page).itertext()).split())
    for words in (
        "1 of 8 tasks completed",
        "3 failed",
        "3 held",
        "1 rejected",
        "pointsman list --status failed --since 2026-11-21",
    ):
        assert words in shown
    assert 'class="tasks warn"' in page
    assert not any("All is well" in form for form in (page, text, message))
    lines = [line for line in csv.DictReader(io.StringIO(render_csv(report))) if line["type"] == "received_tasks"]
    assert {line["outcome"]: int(line["tasks"]) for line in lines} == counts


STORED = ["claimed", "started", "waiting", "cancelling", "completed", "failed", "rejected", "cancelled", "held"]


@st.composite
def random_tasks(draw: st.DrawFn) -> DayTask:
    at, status = to_text(SINCE + timedelta(minutes=draw(st.integers(0, 1439)))), draw(st.sampled_from(STORED))
    ended = status in ("completed", "failed", "rejected", "cancelled")
    return DayTask(
        f"t{draw(st.integers(0, 10**6))}",
        at,
        "started" if status == "held" else status,
        reason=draw(st.sampled_from([None, "deadline", "over_budget (month)"])),
        deadline=draw(st.sampled_from(["", to_text(SINCE), to_text(UNTIL + timedelta(days=3))])),
        ended_at=to_text(SINCE) if ended else None,
        is_delivered=draw(st.booleans()) if ended and status != "rejected" else True,
        cost_nano=draw(st.integers(0, 10**9)),
        waiting=waiting() if status == "held" else None,
    )


@settings(max_examples=40)
@given(st.lists(random_tasks(), max_size=12), st.integers(0, 1))
def test_green_is_said_only_when_nothing_failed_was_rejected_is_held_or_late(
    tasks: list[DayTask], dead_letters: int
) -> None:
    report = report_of(*QUIET, counters=COUNTERS, received=day_tasks(tasks, UNTIL, dead_letters=dead_letters))
    document = as_json(report)
    counts = document["tasks"]
    assert counts["received"] == len(tasks) == sum(number for kind, number in counts.items() if kind != "received")
    for kind, words in document["reasons"].items():
        assert sum(words.values()) == counts[kind]
    trouble = dead_letters or any(
        task.status in ("failed", "rejected")
        or task.waiting is not None
        or not task.is_delivered
        or (task.kind is TaskKind.UNDER_WAY and "" < task.deadline < to_text(UNTIL - timedelta(hours=1)))
        for task in tasks
    )
    green = not trouble and bool(tasks)
    assert document["all_is_well"] is green
    assert bool(document["attention"]) is bool(trouble)
    for form in (render_html(report), render_text(report)):
        assert ("All is well" in form) is green


def test_noise_stays_out_and_money_orders_what_is_equally_urgent() -> None:
    free_tier = {"tier": "orchestration", "type": "status"}
    big = row("big", cost_nano=900_000_000, metadata={"ticket": "PAY-1"})
    report = report_of(big, row("free", cost_nano=132_000, **free_tier), counters={"day_21": 900_132_000})
    assert report.skipped_free.cost_nano == 132_000
    assert attention_of(report) == []
    assert [(driver.kind, driver.name, round(driver.percent)) for driver in drivers(report)] == [
        ("ticket", "PAY-1", 100),
        ("model", HAIKU, 100),
    ]
    unknown = row("lost", outcome="unknown", cost_known=False, cost_nano=90_000_000)
    noticed = report_of(big, unknown, row("free", cost_nano=50_000_000, **free_tier))
    order = [item.what for item in attention_of(noticed) if item.what != "counters"]
    assert order == ["unknown_cost", "free_skipped"]


def test_unusual_day_names_what_made_most_of_it() -> None:
    big = row("big", cost_nano=900_000_000, metadata={"ticket": "PAY-1"})
    report = report_of(big, row("old", SINCE - timedelta(hours=9)), row("older", SINCE - timedelta(hours=33)))
    (item,) = [item for item in attention_of(report) if item.what == "unusual"]
    assert item.why == "The day cost 450.0 times the average of the 2 days before; ticket PAY-1 made 100% of it."


def test_commands_name_a_deployed_stack() -> None:
    deployed = report_of(*QUIET, received=BAD_DAY, stack=StackPlace("prod", "123456789012", "eu-west-1"))
    assert "`pointsman list --status held --since 2026-11-21 --stack prod`" in attention_of(deployed)[0].do
    local = report_of(*QUIET, received=BAD_DAY, stack=StackPlace("pointsman", "000000000000", "us-east-1"))
    assert "`pointsman list --status held --since 2026-11-21`" in attention_of(local)[0].do


def test_pace_over_the_budget_says_by_how_much() -> None:
    report = report_of(row("t1", cost_nano=4_900_000_000), counters={"day_21": 4_900_000_000})
    assert report.month.cap is not None
    assert report.month.projected_nano is not None
    (item,) = [item for item in attention_of(report) if item.what == "pace"]
    assert item.money_nano_usd == report.month.projected_nano - report.month.cap.limit_nano
