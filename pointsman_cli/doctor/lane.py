"""The economy lane: whether it is there where rules ask for it, and whether its key has a workspace of its own."""

from collections.abc import Iterator

from pointsman.values.errors import BatchError
from pointsman.values.lane import Lane
from pointsman_cli.doctor.stack_probe import Finding, StackProbe, ok, to_do, unchecked

ECONOMY_OUTPUT = "EconomyFunctionName"
"""The stack's output where the lane is deployed."""


def lane_findings(probe: StackProbe) -> Iterator[Finding]:
    """Report whether anybody else creates batches in the workspace; nothing of a lane that nobody asks for."""
    asked = [rule for rule in probe.policy.config.pointsman.lanes.values() if rule.lane is Lane.ECONOMY]
    if ECONOMY_OUTPUT not in probe.connection.functions:
        if asked:
            says = "pointsman.lanes asks for the economy lane, which is not deployed: those tasks go the standard way"
            yield to_do("lane", "economy", says, "deploy with EconomyLane=true")
        return
    try:
        listed = probe.provider_batches
    except BatchError as error:
        yield unchecked("lane", "economy", f"the workspace's batches could not be read ({error})")
        return
    if listed is None:
        yield unchecked("lane", "economy", "deployed; the provider was not asked whose batches are in its workspace")
        return
    store = probe.connection.runtime.stores.batches
    opened = store.look()
    batches = [batch for batch_id in opened.batch_ids if (batch := store.read(batch_id))]
    ours = {*opened.known, *(name for batch in batches for name in batch.provider_ids)}
    others = [batch for batch in listed if batch.provider_id not in ours]
    if others:
        says = f"{len(others)} message batches of the last 24 hours in the key's workspace are not this stack's"
        yield to_do("lane", "workspace", says, "create a key in a workspace of its own and store that")
    else:
        yield ok("lane", "workspace", f"no one else's message batches in the last 24 hours, {len(batches)} open")
