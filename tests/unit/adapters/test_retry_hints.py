from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.adapters.retry_hints import LONGEST_HINT, retry_after


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [
        ("7", 7.0),
        ("1.5", 1.5),
        ("0", 0.0),
        ("-2", 0.0),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", LONGEST_HINT),
    ],
)
def test_numbers(stated: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": stated}) == seconds


def test_missing_retry_hint_is_none() -> None:
    assert retry_after({}) is None


def test_dates() -> None:
    soon = datetime.now(UTC) + timedelta(seconds=30)
    seconds = retry_after({"retry-after": format_datetime(soon, usegmt=True)})
    assert seconds is not None
    assert 28 < seconds <= 30
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0.0
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00"}) == 0.0


@given(
    st.text()
    | st.from_regex(r"-?[0-9]{1,40}(\.[0-9]*)?(e[0-9]{1,3})?", fullmatch=True)
    | st.from_regex(
        r"(Mon|Tue), [0-9]{1,4} (Jan|Feb|Xyz) [0-9]{1,12} [0-9]{1,3}:[0-9]{2}:[0-9]{2} (GMT|[+-][0-9]{1,8})",
        fullmatch=True,
    )
)
def test_any_retry_hint_is_a_finite_wait(stated: str) -> None:
    seconds = retry_after({"retry-after": stated})
    if seconds is not None:
        assert seconds >= 0
        assert datetime.now(UTC) + timedelta(seconds=seconds * 1.1)
