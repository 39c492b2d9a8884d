"""Who sent a message: what AWS and this stack say of it, never what its text says."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from pointsman.contracts.api_key import KEY_NAME_PATTERN, LIMITED
from pointsman.contracts.envelope import MessageSource, SendingService, source_of

SENDER_ATTRIBUTE = "pointsman.sender"
"""The message attribute of SQS by which this stack's own functions say for whom they send."""
_KEY = re.compile(rf"key:{KEY_NAME_PATTERN}(?:{LIMITED})?", re.ASCII)
_ANY = re.compile(r"(?:key|role|service):[!-~]{1,256}", re.ASCII)


def sender_attribute(sender: str) -> dict[str, dict[str, str]]:
    """Return the message attributes that state for whom one of this stack's functions sends."""
    return {SENDER_ATTRIBUTE: {"DataType": "String", "StringValue": sender}}


class SendingRole(StrEnum):
    """What a role of this stack may say of whom it sends for."""

    FRONT_DOOR = "front_door"
    """The key that it has checked."""
    SUBTASKS = "subtasks"
    """The sender of the task that the message is a part of."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Whom a message is from."""

    name: str | None = None
    """`key:…`, `role:…` or `service:…`; None: the queue did not say."""
    via: str | None = None
    """What the envelope names as its source; anybody who may send can write it."""
    limited: bool = False
    """Whether the key's principal has limits of its own."""


UNKNOWN_SENDER = Sender()


def is_api_key(sender: Sender) -> bool:
    """Return whether a key of the front door sent it, and its caller waits there."""
    return sender.name is not None and sender.name.startswith("key:")


@dataclass(frozen=True, slots=True)
class SenderRules:
    """Whose word counts, of whom the queue says that they sent a message (`SenderId`)."""

    roles: Mapping[str, SendingRole] = field(default_factory=dict)
    """By the role's id."""
    services: Mapping[str, SendingService] = field(default_factory=dict)
    """By the id that AWS gives the service in this region."""
    topics_and_rules: tuple[str, ...] = ()
    """Admitted ARNs; `*` and `?` stand for any characters of one part."""
    buckets: frozenset[str] = frozenset()
    """Names of the admitted buckets."""

    def sender_of(self, sender_id: str | None, stated: str | None, body: str) -> Sender:
        """Return who sent a message with that `SenderId`, `SENDER_ATTRIBUTE` and body."""
        if not sender_id:
            return UNKNOWN_SENDER
        role_id, _, session = sender_id.partition(":")
        if session and (role := self.roles.get(role_id)):
            form = _KEY if role is SendingRole.FRONT_DOOR else _ANY
            if not stated or not form.fullmatch(stated):
                return Sender(f"role:{sender_id}")
            return Sender(stated.removesuffix(LIMITED), limited=stated.endswith(LIMITED))
        if (source := source_of(body)) is None:
            return Sender(f"role:{sender_id}")
        name = self._admitted(source) if self.services.get(sender_id) is source.service else None
        return Sender(f"service:{name}", source.name) if name else Sender(f"role:{sender_id}", source.name)

    def _admitted(self, source: MessageSource) -> str | None:
        """Return the name of the admitted source that an envelope of its service names; None: it names none."""
        match source.service:
            case SendingService.SNS:
                return _last(source.name) if any(_matches(source.name, arn) for arn in self.topics_and_rules) else None
            case SendingService.S3:
                return source.name if source.name in self.buckets else None
            case SendingService.EVENTS:  # an event does not name the rule that it came by
                rules = [arn for arn in self.topics_and_rules if arn.split(":")[2:3] == ["events"]]
                return _last(rules[0]) if len(rules) == 1 and not set(rules[0]) & {"*", "?"} else None


def _matches(arn: str, pattern: str) -> bool:
    """Return whether the condition `ArnLike` holds: each of an ARN's six parts is compared on its own."""
    parts, patterns = arn.split(":", 5), pattern.split(":", 5)
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))


def _last(arn: str) -> str:
    """Return the name in the ARN of a topic or rule."""
    return arn.split(":", 5)[-1].removeprefix("rule/")
