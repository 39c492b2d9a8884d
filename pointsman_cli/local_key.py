"""The local stack's API key at its front door, for whoever runs the stack."""

from datetime import UTC, datetime

from devstack import StackInfo
from pointsman.adapters.api_keys import DynamoApiKeys
from pointsman.adapters.dynamo import Tables
from pointsman.contracts.api_key import ApiKey, digest_of, new_key
from pointsman.values.times import to_text

_NAME = "local"


def with_api_key(info: StackInfo) -> StackInfo:
    """Return the stack with a key that opens its front door: the one that it has, else a new one.

    The key stands in the state directory, which only its owner can read; the stack holds its hash.
    """
    keys = DynamoApiKeys(info.client("dynamodb"), Tables("", "", info.outputs["LimitTableName"]))
    now, stored = datetime.now(UTC), keys.read()
    if any(key.digest == digest_of(info.api_key) and key.admits(now) for key in stored):
        return info
    names, secret = {key.name for key in stored}, new_key()
    name = next(name for number in range(1, len(names) + 2) if (name := _numbered(number)) not in names)
    keys.create(ApiKey(name, str(digest_of(secret)), to_text(now), principal=_NAME))
    return info.model_copy(update={"api_key": secret}).save()


def _numbered(number: int) -> str:
    return _NAME if number == 1 else f"{_NAME}-{number}"
