"""Secrets that sign webhooks, in the form of the Standard Webhooks."""

import base64


def secret_of(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


SECRET, OTHER = secret_of(b"a" * 32), secret_of(b"b" * 32)
