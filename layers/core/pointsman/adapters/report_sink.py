"""Reports into the bucket and, in short, to the team's topic."""

from botocore.exceptions import ClientError

from pointsman.adapters.dynamo import AwsClient, code_of


class BucketAndTopic:
    """`ReportSink` on S3 and SNS."""

    def __init__(self, s3: AwsClient, bucket: str, sns: AwsClient, topic_arn: str) -> None:
        self._s3, self._bucket, self._sns, self._topic_arn = s3, bucket, sns, topic_arn

    def store(self, key: str, content_type: str, text: str) -> None:
        """Put one file of a report, over an earlier one."""
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=text.encode(), ContentType=content_type)

    def fetch(self, key: str) -> str | None:
        """Get one file; None when it is not there."""
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if code_of(error) not in ("NoSuchKey", "404"):
                raise
            return None
        return bytes(answer["Body"].read()).decode()

    def announce(self, subject: str, text: str) -> None:
        """Publish the summary; by mail the subject is the mail's."""
        self._sns.publish(TopicArn=self._topic_arn, Subject=subject, Message=text)
