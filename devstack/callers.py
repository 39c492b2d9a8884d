"""Senders, prompt buckets and reply queues that the local stack admits: those of the examples; and the ids of its
services (`sender_ids`).
"""

_ACCOUNT = "us-east-1:000000000000"
ADMITTED = {
    "SenderArns": f"arn:aws:sns:{_ACCOUNT}:pointsman-*,arn:aws:events:{_ACCOUNT}:rule/pointsman-*",
    "ServiceSenderIds": "sns:AIDALOCALSNS,events:AIDALOCALEVENTS,s3:AROALOCALS3:S3-PROD-END",
    "PromptBucketArns": "arn:aws:s3:::pointsman-prompts",
    "ReplyQueueArns": f"arn:aws:sqs:{_ACCOUNT}:pointsman-replies",
}
"""Template parameters."""
