"""What is fetched of the ledger's rows is all that a report needs of them."""

from collections.abc import Mapping
from datetime import timedelta
from itertools import groupby
from typing import Any

from hypothesis import given

from pointsman.report.figures.ledger_entries import EARLIER_ATTRIBUTES, ENTRY_ATTRIBUTES, read_entries
from pointsman.report.figures.report import build_report
from pointsman.report.render.as_json import as_json
from pointsman.values.times import parse_time, to_text
from tests.support.report_rows import LEDGERS, SINCE, row, scope_of, share

type Row = dict[str, Any]


class ReadRow(dict[str, Any]):
    """A row that keeps which attributes were read."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        super().__init__(fields)
        self.read = set[str]()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self.read.add(str(name))
        return super().__contains__(name)


def a_day_earlier(entry: Row) -> Row:
    at, rest = entry["row"].split("#", 1)
    before = to_text(parse_time(at) - timedelta(days=1))
    return entry | {"at": before, "row": f"{before}#{rest}"}


def cut(entry: Row, attributes: tuple[str, ...]) -> Row:
    return {name: value for name, value in entry.items() if name in attributes}


def document(rows: list[Row]) -> dict[str, Any]:
    return as_json(build_report(scope_of(), [rows], {}))


@given(LEDGERS, LEDGERS)
def test_report_of_the_fetched_attributes_is_the_report_of_whole_rows(yesterday: list[Row], today: list[Row]) -> None:
    earlier = [a_day_earlier(entry) for entry in yesterday]
    shares = [share("t1", 7), a_day_earlier(share("t2", 5))]
    fetched = [cut(entry, EARLIER_ATTRIBUTES) for entry in [*earlier, shares[1]]]
    fetched += [cut(entry, ENTRY_ATTRIBUTES) for entry in [*today, shares[0]]]
    assert document(fetched) == document([*earlier, *today, *shares])


@given(LEDGERS, LEDGERS)
def test_fallbacks_are_those_whose_first_sent_call_is_of_the_day(yesterday: list[Row], today: list[Row]) -> None:
    entries, _ = read_entries([*map(a_day_earlier, yesterday), *today])
    entries.sort(key=lambda entry: (entry.task_id, entry.generation, entry.attempt_id))
    for_tasks = [entry for entry in entries if entry.for_task]
    expected = 0
    for _, hop in groupby(for_tasks, key=lambda entry: (entry.task_id, entry.generation, entry.hop)):
        sent = next((entry for entry in hop if entry.sent), None)
        expected += bool(sent and sent.came_from and sent.at >= to_text(SINCE))
    report = build_report(scope_of(), [[*map(a_day_earlier, yesterday), *today]], {})
    assert report.fallback_count == expected


def test_no_attribute_is_read_beside_those_fetched() -> None:
    rows = [ReadRow(entry) for entry in (row(outcome="account"), row("t2", outcome=None), share("t1", 7))]
    read_entries(rows)
    assert set[str]().union(*(entry.read for entry in rows)) == set(ENTRY_ATTRIBUTES)
    earlier = ReadRow(a_day_earlier(row()))
    document([earlier])
    assert earlier.read == set(EARLIER_ATTRIBUTES)
