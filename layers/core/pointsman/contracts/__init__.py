"""What crosses the border: tasks, envelopes, prompts in S3, reply targets, API keys, webhook signatures. Pure."""
