"""A batch read that DynamoDB answers in part."""

from typing import Any

import pytest

from pointsman.adapters import dynamo
from pointsman.adapters.dynamo import MOST_CONFLICTS, batch_get
from pointsman.values.errors import StoreError

REQUEST = {"tasks": {"Keys": [{"task_id": {"S": "t-1"}}, {"task_id": {"S": "t-2"}}], "ConsistentRead": True}}


class Throttled:
    """Answers one key at most at a time, and none in its first calls."""

    def __init__(self, empty: int) -> None:
        self.requests: list[dict[str, Any]] = []
        self._empty = empty

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(RequestItems)
        if len(self.requests) <= self._empty:
            return {"Responses": {}, "UnprocessedKeys": RequestItems}
        first, *others = RequestItems["tasks"]["Keys"]
        left = {"tasks": {**RequestItems["tasks"], "Keys": others}} if others else {}
        return {"Responses": {"tasks": [first]}, "UnprocessedKeys": left}


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr(dynamo.time, "sleep", slept.append)
    return slept


def test_unprocessed_keys_are_asked_for_again(pauses: list[float]) -> None:
    client = Throttled(2)
    assert batch_get(client, REQUEST) == {"tasks": [{"task_id": "t-1"}, {"task_id": "t-2"}]}
    assert len(client.requests) == 4
    assert all(request["tasks"]["ConsistentRead"] for request in client.requests)
    assert len(pauses) == 3


def test_keys_that_stay_unprocessed_are_a_store_out_of_reach(pauses: list[float]) -> None:
    with pytest.raises(StoreError, match="keys left out"):
        batch_get(Throttled(10**6), REQUEST)
    assert len(pauses) == MOST_CONFLICTS
    assert all(0 <= pause <= 1 for pause in pauses)
