"""Senders, prompt buckets and reply queues that the local stack admits: those of the examples."""

_ACCOUNT = "us-east-1:000000000000"
ADMITTED = {
    "SenderArns": f"arn:aws:sns:{_ACCOUNT}:pointsman-*,arn:aws:events:{_ACCOUNT}:rule/pointsman-*",
    "PromptBucketArns": "arn:aws:s3:::pointsman-prompts",
    "ReplyQueueArns": f"arn:aws:sqs:{_ACCOUNT}:pointsman-replies",
}
"""Template parameters."""
