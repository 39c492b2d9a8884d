"""The front door's keys: random, shown once, kept as their SHA-256."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from pointsman.values.times import parse_time

KEY_NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
LIMITED = ";limited"
"""Behind a sender whose own limits are stored: only then are they looked for."""
_PREFIX = 12
"""Characters of a hash that tell principals apart."""
_HASHED = re.compile(f"[0-9a-f]{{{_PREFIX}}}", re.ASCII)
_FORM = re.compile(r"pm_[A-Za-z0-9_-]{43}", re.ASCII)


def new_key() -> str:
    """Return a key of 256 random bits."""
    return "pm_" + secrets.token_urlsafe(32)


def digest_of(key: str) -> str | None:
    """Return the SHA-256 of a key in hex; None: it has not the form of one.

    Keys are as random as the hash is long, so that it needs no salt and no slowness.
    """
    return hashlib.sha256(key.encode()).hexdigest() if _FORM.fullmatch(key) else None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of a key."""

    name: str
    digest: str
    created_at: str
    expires_at: str | None = None
    """None: it does not."""
    revoked_at: str | None = None
    principal: str | None = None
    """Who sends by it; its next key has the same. None: a key from before there were principals."""
    limited: bool = False
    """Whether limits of the principal's own are stored."""

    @property
    def owner(self) -> str:
        """The principal; of a key without one, the beginning of its hash."""
        return self.principal or self.digest[:_PREFIX]

    @property
    def agent(self) -> str:
        """The `agent` of tasks that name none: the same for each key of a principal that has a name."""
        return self.principal if self.principal and not _HASHED.fullmatch(self.principal) else self.name

    @property
    def sender(self) -> str:
        """What its tasks have as their sender."""
        return f"key:{self.owner}"

    @property
    def stated_sender(self) -> str:
        """What the front door says of the sender: also whether to look for the principal's own limits."""
        return self.sender + (LIMITED if self.limited else "")

    def admits(self, now: datetime) -> bool:
        """Return whether the key opens the door."""
        return not self.revoked_at and (self.expires_at is None or now < parse_time(self.expires_at))

    def task_id(self, own: str) -> str:
        """Return the id of a task that is sent by this key: what one principal sends, no other finds or repeats."""
        owner = self.owner
        prefix = owner if _HASHED.fullmatch(owner) else hashlib.sha256(owner.encode()).hexdigest()[:_PREFIX]
        return f"{prefix}-{own}"
