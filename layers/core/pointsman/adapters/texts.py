"""Prompts and answers in S3 when they are large (claim check)."""

from pointsman.adapters.dynamo import AwsClient
from pointsman.domain.records import Content

INLINE = 8_192
"""Bytes that stay in the task's item. Each write of an item is paid by its whole size, about 0.6 $ per GB written and
per write; a PUT to S3 costs what 8 KB written to DynamoDB do (prices of us-east-1 on 2026-11-22)."""


class BucketTexts:
    """`Texts` on one bucket; keys begin with `tasks/`."""

    def __init__(self, client: AwsClient, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    def keep(self, text: str, key: str) -> Content:
        """Return the text itself when small, else where it was put."""
        return Content(inline=text) if len(text.encode()) <= INLINE else self.keep_large(text, key)

    def keep_large(self, text: str, key: str) -> Content:
        """Return where the text was put."""
        where = f"tasks/{key}"
        self._client.put_object(
            Bucket=self._bucket, Key=where, Body=text.encode(), ContentType="text/plain; charset=utf-8"
        )
        return Content(ref=where)

    def fetch(self, content: Content) -> str:
        """Return the text from where it is."""
        if content.ref is None:
            return content.inline or ""
        answer = self._client.get_object(Bucket=self._bucket, Key=content.ref)
        return bytes(answer["Body"].read()).decode()
