from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.adapters.retry_hints import LONGEST_HINT, retry_after, retry_info


def hint(*values: str, name: str = "retry-after") -> float | None:
    return retry_after(httpx2.Headers([(name, value) for value in values]))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("1.5", 1.5),
        ("0", 0.0),
        ("7, 7", 7.0),
        ("7, 90", 90.0),
        (" 13262 ", 13262.0),
        ("200000", LONGEST_HINT),
        ("-2", None),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("1795800000", None),
        ("1e308", None),
        ("30s", 30.0),
        ("120 seconds", 120.0),
        ("s", None),
    ],
)
def test_number_of_seconds(value: str, seconds: float | None) -> None:
    assert hint(value) == seconds


def test_header_twice_asks_for_the_longer() -> None:
    assert hint("7", "11") == 11.0
    assert hint("soon", "11") == 11.0


def test_milliseconds_are_read_first() -> None:
    assert retry_after(httpx2.Headers({"retry-after-ms": "90000", "retry-after": "1"})) == 90.0
    assert retry_after(httpx2.Headers({"retry-after-ms": "soon", "retry-after": "1"})) == 1.0


def test_missing_retry_hint_is_none() -> None:
    assert hint() is None


def test_dates() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    for value in (soon, f"{soon}, {soon}"):
        seconds = hint(value)
        assert seconds is not None
        assert 28 < seconds <= 30
    assert hint("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert hint("2015-10-21T07:28:00Z") == 0.0
    assert hint("2015-10-21T07:28:00.5+02:00") == 0.0
    assert hint("T") is None
    assert hint("Wed, 21 Oct 2015 07:28:00") == 0.0
    assert hint("Sunday, 06-Nov-94 08:49:37 GMT") == 0.0


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        ("26s", 26.0),
        ("1.5s", 1.5),
        ("0s", 0.0),
        (7, 7.0),
        ({"seconds": 26}, 26.0),
        ({"seconds": "26", "nanos": 500_000_000}, 26.5),
        ("-3s", None),
        (None, None),
        ("soon", None),
        ("nans", None),
        ("1e300s", None),
        ([], None),
        ({"seconds": []}, None),
    ],
)
def test_retry_info_of_google(delay: Any, seconds: float | None) -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}, {"@type": 7}]
    assert retry_info(details) == seconds


@given(
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]))
    | st.from_regex(r"-?[0-9]{1,40}(\.[0-9]*)?(e[0-9]{1,3})?", fullmatch=True)
    | st.from_regex(
        r"(Mon|Tue), [0-9]{1,4} (Jan|Feb|Xyz) [0-9]{1,12} [0-9]{1,3}:[0-9]{2}:[0-9]{2} (GMT|[+-][0-9]{1,8})",
        fullmatch=True,
    )
)
def test_any_retry_hint_is_a_finite_wait(value: str) -> None:
    seconds = hint(value)
    if seconds is not None:
        assert 0 <= seconds <= LONGEST_HINT
