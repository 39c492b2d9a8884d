"""Objects of other buckets whose text is a prompt."""

from collections.abc import Mapping

from botocore.exceptions import ClientError

from pointsman.adapters.dynamo import AwsClient, code_of, reachable
from pointsman.contracts.s3_prompt import S3Prompt
from pointsman.contracts.task import Rejection
from pointsman.values.limits import LARGEST_OBJECT

_GONE = Rejection("object_gone", "object: was deleted before it could be read")
_CHANGED = Rejection("object_changed", "object: was overwritten before it could be read, which is a task of its own")
_TOO_LARGE = Rejection("object_too_large", f"object: must be at most {LARGEST_OBJECT} bytes")
_VERDICTS = {
    "NoSuchKey": _GONE,
    "NoSuchVersion": _GONE,
    "NoSuchBucket": _GONE,
    "MethodNotAllowed": _GONE,  # the version is a delete marker
    "PreconditionFailed": _CHANGED,
}


class S3PromptObjects:
    """Reads what `services.s3_prompts` makes tasks of."""

    def __init__(self, client: AwsClient, account: str) -> None:
        """`account` must own the buckets: one that is deleted may become another's. Empty: any may."""
        self._client, self._account = client, account

    def read(self, prompt: S3Prompt) -> tuple[bytes, Mapping[str, str]]:
        """Return the bytes that were written, and no later ones, with the object's user metadata."""
        which = {
            "VersionId": prompt.version,
            "IfMatch": prompt.etag and f'"{prompt.etag}"',
            "ExpectedBucketOwner": self._account,
        }
        try:
            with reachable():
                answer = self._client.get_object(
                    Bucket=prompt.bucket, Key=prompt.key, **{name: value for name, value in which.items() if value}
                )
                if answer["ContentLength"] <= LARGEST_OBJECT:
                    return bytes(answer["Body"].read()), answer["Metadata"]
                answer["Body"].close()
        except ClientError as error:
            if verdict := _VERDICTS.get(code_of(error)):
                raise Rejection(verdict.code, verdict.reason) from None
            raise
        raise Rejection(_TOO_LARGE.code, _TOO_LARGE.reason)
