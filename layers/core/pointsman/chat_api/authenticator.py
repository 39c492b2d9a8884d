"""Who may come in by the front door."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pointsman.contracts.api_key import ApiKey, digest_of
from pointsman.ports import Clock

_KEYS_CACHED_FOR = timedelta(seconds=60)
"""How long a key that was revoked may still open the door."""
_REREAD_AFTER = timedelta(seconds=5)
"""How soon the keys are read again for one that is not among them: it may be new."""


@dataclass(slots=True)
class ApiKeyAuthenticator:
    """Keeps the keys in mind, so that neither a good key nor guessing costs a read each time."""

    read_keys: Callable[[], list[ApiKey]]
    """Returns all keys, revoked ones too."""
    clock: Clock
    _read_at: datetime | None = None
    _known: dict[str, ApiKey] = field(default_factory=dict)

    def admit(self, authorization: str) -> ApiKey | None:
        """Return the key in a header `Authorization: Bearer …`; None: it does not open the door."""
        scheme, _, key = authorization.partition(" ")
        digest = digest_of(key.strip()) if scheme.lower() == "bearer" else None
        if digest is None:
            return None
        now = self.clock.now()
        if self._read_at is None or now - self._read_at >= (
            _KEYS_CACHED_FOR if digest in self._known else _REREAD_AFTER
        ):
            keys, self._read_at = self.read_keys(), now
            limited = {key.owner for key in keys if key.limited}  # the limits are the principal's, by whichever key
            self._known = {key.digest: replace(key, limited=key.owner in limited) for key in keys}
        api_key = self._known.get(digest)
        return api_key if api_key and api_key.admits(now) else None
