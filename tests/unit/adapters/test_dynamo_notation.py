"""Our notation of DynamoDB's values is the one that boto3's serializer writes, and is read back as it was."""

from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from pointsman.adapters.dynamo import Update, pack, unpack


class Word(StrEnum):
    """A name as the domain has them."""

    ONE = "one"


plain = st.none() | st.booleans() | st.integers(-(10**37), 10**37) | st.text() | st.sampled_from(Word)
values = st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(st.text(min_size=1), inner), max_leaves=8)


@given(values)
def test_it_is_the_serializers(value: Any) -> None:
    update = Update().set_path(("path",), value)
    assert update.arguments()["ExpressionAttributeValues"] == {":v0": TypeSerializer().serialize(value)}


@given(st.dictionaries(st.text(min_size=1), values))
def test_items_come_back_without_what_is_empty(item: dict[str, Any]) -> None:
    assert unpack(pack(item)) == {name: value for name, value in item.items() if value not in (None, "", {}, [])}


@pytest.mark.parametrize("value", [0.1, 1e-7, 12345.678])
def test_a_float_is_the_number_that_is_written(value: float) -> None:
    assert pack({"share": value}) == {"share": {"N": str(Decimal(str(value)))}}
    assert unpack(pack({"share": value})) == {"share": value}


def test_a_name_of_an_enumeration_is_a_plain_string() -> None:
    assert type(pack({"tier": Word.ONE})["tier"]["S"]) is str
