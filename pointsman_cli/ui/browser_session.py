"""Who may see the pages: the browser that opened the printed address first, and what its forms carry."""

import hashlib
import hmac
import secrets
import threading

_BYTES = 32


class BrowserSession:
    """The secret of the printed address, the cookie that it is exchanged for once, and the tokens of its forms."""

    def __init__(self) -> None:
        self.secret = secrets.token_urlsafe(_BYTES)
        """Stands in the printed address; good for one exchange."""
        self._cookie: str | None = None
        self._lock = threading.Lock()

    def exchange(self, secret: str) -> str | None:
        """Return the cookie for the secret; None if it is another one, or was exchanged before."""
        with self._lock:
            if self._cookie is not None or not hmac.compare_digest(secret.encode(), self.secret.encode()):
                return None
            self._cookie = secrets.token_urlsafe(_BYTES)
            return self._cookie

    def is_open(self, cookie: str) -> bool:
        """Return whether a request with this cookie comes from the browser that opened the address."""
        return self._cookie is not None and hmac.compare_digest(cookie.encode(), self._cookie.encode())

    def form_token(self, path: str) -> str:
        """Return the token that a form for this path must send; one of another path's is refused."""
        assert self._cookie is not None, "no page is shown before the exchange"
        return hmac.digest(self._cookie.encode(), path.encode(), hashlib.sha256).hex()

    def is_token(self, token: str, path: str) -> bool:
        """Return whether a form for this path may be carried out."""
        return hmac.compare_digest(token.encode(), self.form_token(path).encode())
