"""The report of the economy lane: what went through it, who waits, unanswered batches; nothing without a lane."""

import csv
import io
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pointsman.execution.batch import BatchStage, LaneBatch
from pointsman.report.figures.economy import EconomyDay
from pointsman.report.render.as_csv import render_csv
from pointsman.report.render.as_json import as_json
from pointsman.report.render.attention import attention_of
from pointsman.report.render.html import render_html
from pointsman.report.render.text import render_text
from tests.support import report_rows
from tests.support.kinds_of_day import economy_batches, economy_entries, kinds_of_day
from tests.support.report_rows import HAIKU, UNTIL, report_of, row
from tests.support.schemas import check_document

REPORT = kinds_of_day()["economy"]


def economy_of(*rows: dict[str, Any], **changes: Any) -> EconomyDay:
    economy = report_of(*rows, **changes).economy
    assert economy is not None
    return economy


def test_entries_are_counted_by_how_they_ended_and_what_they_saved() -> None:
    assert REPORT.economy is not None
    entries = REPORT.economy.entries
    assert (entries.entries, entries.answered, entries.not_processed) == (9, 5, 1)
    assert (entries.unknown, entries.otherwise, entries.open) == (1, 1, 1)
    assert entries.saved_nano == 5 * 1_450_000, "half of the standard price, for entries of known cost alone"
    assert entries.cost_nano == 5 * 1_450_000 + 4_000_000 + 40_000_000
    assert REPORT.economy.tasks == 8, "one was not processed"


@given(st.lists(st.tuples(report_rows.rows_of_a_day(), st.booleans()), max_size=12))
def test_entries_add_up_and_standard_calls_are_none(drawn: list[tuple[dict[str, Any], bool]]) -> None:
    rows = [{**fields, "batch_entry": "b-0001"} if in_batch else fields for fields, in_batch in drawn]
    report = report_of(*rows)
    economy = report.economy
    in_batches = [fields for fields in rows if fields.get("batch_entry")]
    assert (economy is None) is not bool(in_batches)
    if economy is None:
        return
    kinds = economy.entries
    assert kinds.entries == len(in_batches)
    assert kinds.answered + kinds.not_processed + kinds.unknown + kinds.otherwise + kinds.open == kinds.entries
    booked = (it["cost_nano"] if "outcome" in it else it["reserved_nano"] for it in in_batches)
    assert kinds.cost_nano == sum(booked)
    known = (it["cost_nano"] for it in in_batches if "outcome" in it and it["outcome"] != "unknown")
    assert kinds.saved_nano == sum(known)


def test_page_text_json_and_csv_say_the_same() -> None:
    page, text, document = render_html(REPORT), " ".join(render_text(REPORT).split()), as_json(REPORT)
    check_document("report", document)
    assert document["economy"]["entries"]["saved_nano_usd"] == 7_250_000
    assert (document["economy"]["waiting"], document["economy"]["until"]) == (1, "2026-11-22T08:30:00.000Z")
    assert document["economy"]["standard"] == {"deadline": 1, "model_without_batches": 1}
    assert [batch["entries"] for batch in document["economy"]["unanswered_batches"]] == [1]
    assert "Economy 8 tasks: $0.051250, saved $0.007250." in text
    for words in ("Economy lane", "8 tasks in 9 batch entries", "until 22 Nov 09:30 at the latest"):
        assert words in page
    lines = list(csv.DictReader(io.StringIO(render_csv(REPORT))))
    lane = [line for line in lines if line["lane"] == "economy"]
    assert sum(int(line["saved_nano_usd"]) for line in lane) == 7_250_000
    assert sum(int(line["cost_nano_usd"]) for line in lane) == document["economy"]["entries"]["cost_nano_usd"]
    assert sum(int(line["cost_nano_usd"]) for line in lines) == REPORT.total.cost_nano
    (waiting,) = [line for line in lane if line["type"] == "economy_lane"]
    assert (waiting["tasks"], waiting["until"]) == ("1", "2026-11-22T08:30:00.000Z")
    (unanswered,) = [line for line in lane if line["type"] == "unanswered_batch"]
    assert (unanswered["attempts"], unanswered["outcome"], unanswered["model"]) == ("1", "c", HAIKU)


def test_nothing_is_said_where_nothing_has_to_do_with_the_lane() -> None:
    report = report_of(row())
    assert report.economy is None
    assert as_json(report)["economy"] is None
    assert "Economy" not in render_text(report)
    assert "conomy" not in render_html(report)
    lines = list(csv.DictReader(io.StringIO(render_csv(report))))
    assert {(line["lane"], line["saved_nano_usd"], line["until"]) for line in lines} <= {
        ("standard", "0", ""),
        ("", "0", ""),
    }


def test_batch_without_an_answer_needs_attention_after_a_quarter_of_an_hour() -> None:
    created, unanswered = economy_batches()

    def items(batch: LaneBatch, minutes: int) -> list[str]:
        assert unanswered.sent_at is not None
        now = unanswered.sent_at + timedelta(minutes=minutes)
        return [item.what for item in attention_of(report_of(row(), open_batches=(created, batch), now=now))]

    assert "unanswered_batch" not in items(unanswered, 14)
    assert items(unanswered, 15)[0] == "unanswered_batch"
    assert "unanswered_batch" not in items(created, 600)
    assert created.stage is BatchStage.CREATED


def test_lane_without_an_entry_says_so() -> None:
    economy = economy_of(row(), open_batches=economy_batches()[:1])
    assert (economy.entries.entries, economy.open_batches, economy.unanswered) == (0, 1, ())
    page = render_html(report_of(row(), open_batches=economy_batches()[:1], now=UNTIL))
    assert "No batch was made for tasks of this day." in page
    assert "Batch entries" not in page
    assert len(economy_entries()) == 10
