"""Prompts and answers in S3 when they are large (claim check)."""

from datetime import UTC, datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError

from pointsman.adapters.dynamo import AwsClient, reachable
from pointsman.execution.records import Payload
from pointsman.values.errors import NotKeptError

INLINE = 8_192
"""Bytes that stay in the task's item. Each write of an item is paid by its whole size, about 0.6 $ per GB written and
per write; a PUT to S3 costs what 8 KB written to DynamoDB do (prices of us-east-1 on 2026-11-22)."""

LARGEST_INLINE = 300_000
"""Bytes of an answer that its item holds beside everything else: an item ends at 400 KiB, and the other large parts of
a task are bounded (body 8 KiB, metadata 64 KiB)."""

RENEWED_AFTER = timedelta(days=30)
"""A text that a task still needs is stored anew when it is older: the bucket drops one after 90 days (template.yaml), a
task waits until its deadline, and looks at its prompt every few days."""


class BucketPayloads:
    """`PayloadStore` on one bucket; keys begin with `tasks/`."""

    def __init__(self, client: AwsClient, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    def keep(self, text: str, key: str) -> Payload:
        """Return the text itself when small, else where it was put."""
        return Payload(inline=text) if len(text.encode()) <= INLINE else self.keep_large(text, key)

    def keep_large(self, text: str, key: str) -> Payload:
        """Return where the text was put."""
        where = f"tasks/{key}"
        self._client.put_object(
            Bucket=self._bucket, Key=where, Body=text.encode(), ContentType="text/plain; charset=utf-8"
        )
        return Payload(ref=where)

    def keep_answer(self, text: str, key: str, beside: Payload | None = None) -> Payload:
        """Store an answer that is paid for: where the bucket fails, it stays with its record if that can hold it.

        `beside` is what the record holds already of that answer.

        Raises:
            NotKeptError: it cannot.
        """
        try:
            return self.keep(text, key)
        except (BotoCoreError, ClientError) as error:
            held = ((beside.inline if beside else None) or "") + text
            if len(held.encode()) > LARGEST_INLINE:
                raise NotKeptError(f"{type(error).__name__} from the bucket") from error
            return Payload(inline=text)

    @reachable()
    def fetch(self, content: Payload, *, renew: bool = False) -> str:
        """Return the text from where it is; with `renew` an old one is stored anew."""
        if content.ref is None:
            return content.inline or ""
        answer = self._client.get_object(Bucket=self._bucket, Key=content.ref)
        text = bytes(answer["Body"].read()).decode()
        if renew and datetime.now(UTC) - answer["LastModified"] > RENEWED_AFTER:
            self.keep_large(text, content.ref.removeprefix("tasks/"))
        return text
