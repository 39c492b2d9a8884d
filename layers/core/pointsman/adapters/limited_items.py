"""The limit table's items of senders, agents and tickets: which of their tasks began, and what they are granted."""

from collections.abc import Iterable, Mapping

from pointsman.adapters.dynamo import Item, Update
from pointsman.execution.sender_limits import UNKNOWN_FOR, Grant, Pace, PaceUpdate, task_of_place
from pointsman.values.status import UNDER_WAY, Status

_PACE, _GRANTED = "pace#", "granted#"


def pace_key(subject: str) -> str:
    """Return the key of the item that says which of a subject's tasks have begun."""
    return _PACE + subject


def grant_key(subject: str) -> str:
    """Return the key of the item with a subject's own limits and raises, which only an operator writes."""
    return _GRANTED + subject


def subject_of(key: str, prefixes: Iterable[str]) -> str:
    """Return the subject of an item whose key begins with a prefix, or is one of `pace_key` or `grant_key`."""
    for prefix in (_PACE, _GRANTED, *prefixes):
        if key.startswith(prefix):
            return key.removeprefix(prefix)
    raise ValueError(key)


def grants_in(items: Mapping[str, Item]) -> dict[str, Grant]:
    """Return what the items of `grant_key` hold, by subject."""
    return {
        key.removeprefix(_GRANTED): Grant.from_item(item) for key, item in items.items() if key.startswith(_GRANTED)
    }


def paces_in(items: Mapping[str, Item]) -> dict[str, Pace]:
    """Return what the items of `pace_key` hold, by subject."""
    return {
        key.removeprefix(_PACE): Pace(item["version"], item["places"])
        for key, item in items.items()
        if key.startswith(_PACE)
    }


def paced(entry: PaceUpdate, expires_at: int) -> Update:
    """Let a task begin, unless another one of the subject did since it was looked at."""
    update = Update().set({"places": dict(entry.places), "version": entry.version + 1, "expires_at": expires_at})
    version = update.name("version")
    if entry.version:
        return update.only_if(f"{version} = {update.value(entry.version)}")
    return update.only_if(f"attribute_not_exists({version})")


def ended_places(places: Mapping[str, int], tasks: Iterable[Item], now_ms: int) -> frozenset[str]:
    """Return the places whose tasks are not under way: they have ended, wait for their subtasks or run anew.

    One without a record counts for `UNKNOWN_FOR`: the front door lets a task in before the router has seen it.
    """
    known = {task["task_id"]: (Status(task["status"]), task.get("generation", 1)) for task in tasks}
    unknown_since = now_ms - int(UNKNOWN_FOR.total_seconds() * 1000)

    def has_ended(place: str, at: int) -> bool:
        task_id, generation = task_of_place(place)
        if task_id not in known:
            return at < unknown_since
        status, runs = known[task_id]
        return status not in UNDER_WAY or runs != generation

    return frozenset(place for place, at in places.items() if has_ended(place, at))
