"""A batch of the economy lane: its stored form, its entries' names, and how a lost one is found."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pointsman.execution.batch import BatchEntry, BatchStage, LaneBatch, ProviderBatch, found, refuted
from pointsman.execution.ledger_keys import RowKey

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
ENTRIES = (BatchEntry("t-1", RowKey.of("t-1", "000001.000001", NOON)), BatchEntry("t-2"))
SENT = LaneBatch("b-1", "m", NOON + timedelta(hours=24), ENTRIES, BatchStage.SENT, NOON)


def listed(name: str, seconds: float, requests: int = 1) -> ProviderBatch:
    return ProviderBatch(name, NOON + timedelta(seconds=seconds), requests)


def test_stored_batch_is_read_back() -> None:
    whole = replace(SENT, provider_ids=("a",), proven=True, refuted=("b",), cancelled_at=NOON, version=3)
    stored = {name: value for name, value in whole.as_item().items() if value not in (None, [], {})}
    assert LaneBatch.from_item("b-1", stored) == whole


@pytest.mark.parametrize(
    ("custom_id", "number"), [("b-1-0000", 0), ("b-1-0001", 1), ("b-1-0002", None), ("b-2-0000", None), ("x", None)]
)
def test_custom_id_names_its_entry_and_no_other(custom_id: str, number: int | None) -> None:
    assert SENT.number_of(custom_id) == number
    if number is not None:
        assert SENT.custom_id(number) == custom_id


def test_lost_batch_is_found_by_time_and_count() -> None:
    others = [listed("early", -600), listed("late", 3600), listed("larger", 1, 2), listed("known", 1)]
    assert found(SENT, others, {"known"}) == SENT
    seen = found(SENT, [*others, listed("ours", 2)], {"known"})
    assert (seen.stage, seen.provider_ids, seen.proven, seen.alone) == (BatchStage.CREATED, ("ours",), False, False)
    assert found(SENT, [listed("ours", 2)], set()).alone


def test_unproven_batch_is_cancelled_only_where_it_can_be_no_one_elses() -> None:
    over = SENT.until
    alone = found(SENT, [listed("ours", 2)], set())
    beside = found(SENT, [listed("ours", 2), listed("theirs", 3)], set())
    assert (alone.may_cancel(over), beside.may_cancel(over)) == (True, False)
    assert replace(beside, provider_ids=("ours",), proven=True).may_cancel(over)
    assert not alone.may_cancel(over - timedelta(seconds=1))


def test_refuted_batch_is_looked_for_again_among_the_others() -> None:
    two = found(SENT, [listed("ours", 2), listed("theirs", 3)], set())
    one = refuted(two, "theirs")
    assert (one.stage, one.provider_ids) == (BatchStage.CREATED, ("ours",))
    none = refuted(one, "ours")
    assert none.stage is BatchStage.SENT
    assert found(none, [listed("ours", 2), listed("theirs", 3)], set()) == none
