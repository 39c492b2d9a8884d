"""The TLS context of the providers' clients."""

import ssl
from functools import cache


@cache
def models_tls() -> ssl.SSLContext:
    """Return the one context that both SDKs' clients use: reading its authorities takes 20 ms of a processor."""
    import httpx2  # of the SDKs' layers

    return httpx2.create_ssl_context()
