"""The limit table's items of models: their health and quota slots."""

from collections.abc import Iterable
from datetime import timedelta

from botocore.exceptions import ClientError

from pointsman.adapters.dynamo import AwsClient, Item, Tables, Update, batch_get, code_of, pack, patiently
from pointsman.execution.calls import Intent, Settled
from pointsman.execution.model_health import SLOT_KEPT_FOR, Admission, HealthUpdate, ModelState, Slot
from pointsman.execution.outcome import Outcome
from pointsman.values.times import PACIFIC

_STORED = {
    "retired": "gone",
    "retired_at": "gone_at",
    "quota_exhausted_until": "bench_until",
    "backoff_until": "rest_until",
}
"""Fields of a model's state that are stored under another name."""


class DynamoModelHealth:
    """`ModelHealthStore` on DynamoDB."""

    def __init__(self, client: AwsClient, tables: Tables) -> None:
        self._client, self._tables = client, tables

    def states(self, models: Iterable[str]) -> dict[str, ModelState]:
        """Return the state of each model that has one."""
        keys = [pack({"limit": model_key(model)}) for model in models]
        tables = batch_get(self._client, {self._tables.limits: {"Keys": keys, "ConsistentRead": True}})
        states = [
            model_state(item["limit"].removeprefix("model#"), item) for item in tables.get(self._tables.limits, [])
        ]
        return {state.model: state for state in states}

    def clear_retired(self, state: ModelState) -> bool:
        """Remove the mark that `state` has, not a later one."""
        update = Update().remove(_STORED[name] for name in ("retired", "retired_at"))
        update.only_if(f"{update.name(_STORED['retired_at'])} = {update.value(state.retired_at)}")
        key = {"TableName": self._tables.limits, "Key": pack({"limit": model_key(state.model)})}
        try:
            patiently(lambda: self._client.update_item(**key, **update.arguments()))
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
            return False
        return True


def model_key(model: str) -> str:
    """Return the key of a model's item."""
    return f"model#{model}"


def model_state(model: str, item: Item) -> ModelState:
    """Return the state that a model's item holds."""
    names = {
        name: _STORED.get(name, name) for name in ModelState.__dataclass_fields__ if name not in ("model", "slots")
    }
    fields = {name: item[stored] for name, stored in names.items() if stored in item}
    slots = {name: Slot(slot["at"], slot["tokens"]) for name, slot in item.get("slots", {}).items()}
    return ModelState(model=model, slots=slots, **fields)


def admitted(intent: Intent, admission: Admission, state: ModelState) -> Update:
    """Take the slot or the breaker's probe, unless the model's item has changed since `state` was read."""
    update, name, slot = Update(), _slot_name(intent), {}
    if admission.slot:
        slot = {"at": admission.slot.at, "tokens": admission.slot.tokens}
        if state.version:
            update.set_path(("slots", name), slot).remove(("slots", stale) for stale in admission.stale)
        update.set({"day": admission.day, "day_count": admission.day_count})
    if not state.version:  # the first write makes the map, also for a model that has no quota yet
        update.set({"slots": {name: slot} if slot else {}})
    if admission.probe_until:
        update.set({"probe_until": admission.probe_until})
    update.set({"version": state.version + 1})
    version = update.name("version")
    if state.version:
        return update.only_if(f"{version} = {update.value(state.version)}")
    return update.only_if(f"attribute_not_exists({version})")


def health_updated(settled: Settled, health: HealthUpdate) -> Update | None:
    """Store what the call taught of the model, and the slot's tokens as they really were, while the slot is surely
    still on record; None when nothing changes.
    """
    update, changed = health_alone(health).add(health.adds), bool(health)
    intent, young = settled.intent, settled.at - settled.intent.at < SLOT_KEPT_FOR - timedelta(seconds=30)
    slot = ("slots", _slot_name(intent))
    if intent.billing == "free" and young and settled.result.usage:
        update.set_path((*slot, "tokens"), settled.usage.prompt)
        update.only_if(f"attribute_exists({update.name(slot)})")
        changed = True
    elif intent.billing == "free" and young and settled.result.outcome is Outcome.NOT_SENT:
        update.remove([slot])
        if intent.at.astimezone(PACIFIC).date() == settled.at.astimezone(PACIFIC).date():
            update.add({"day_count": -1})  # else the day that counted it is over
        update.only_if(f"attribute_exists({update.name(slot)})")
        changed = True
    return update if changed else None


def health_alone(health: HealthUpdate) -> Update:
    """Store what is known of a model, without a call of its own."""
    update = Update().set({_STORED.get(name, name): value for name, value in health.sets.items()})
    return update.remove(_STORED.get(name, name) for name in health.removes)


def _slot_name(intent: Intent) -> str:
    return intent.spec.tag
