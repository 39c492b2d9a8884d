"""Who may hand tasks to the local stack that `up` starts: the examples, under the names that they have."""

_ACCOUNT = "us-east-1:000000000000"
ADMITTED = {
    "SenderArns": f"arn:aws:sns:{_ACCOUNT}:pointsman-*,arn:aws:events:{_ACCOUNT}:rule/pointsman-*",
    "PromptBucketArns": "arn:aws:s3:::pointsman-prompts",
    "ReplyQueueArns": f"arn:aws:sqs:{_ACCOUNT}:pointsman-replies",
}
"""Parameters of the template."""
