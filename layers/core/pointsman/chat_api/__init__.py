"""The HTTP front door: tasks in the form of OpenAI chat completions, sent and awaited through `client`."""
