"""Sizes that AWS or the providers set."""

LARGEST_BODY = 1_048_576
"""Bytes of a message that SQS takes."""
LARGEST_OBJECT = 1_048_576
"""Bytes of an object in S3 that is a prompt: it must fit where a message does."""
LARGEST_OUTPUT = 128_000
"""Tokens: the largest `max_output` of the catalog (a test compares)."""
