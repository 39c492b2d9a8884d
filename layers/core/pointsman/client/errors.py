"""What a client raises. What AWS refuses comes as botocore's own errors, after the SDK's retries."""

from pointsman.values.errors import PointsmanError


class NoStackError(PointsmanError):
    """The CloudFormation stack is none of Pointsman's, or not fully deployed. Raised by `Client.of_stack`."""


class InvalidTaskError(PointsmanError):
    """The message can never work. Raised before it is sent; the text names field and rule, never the value."""


class NotEndedError(PointsmanError, TimeoutError):
    """Tasks have not ended in time. Raised while waiting: they go on, and may be waited for again."""

    def __init__(self, words: str, task_ids: tuple[str, ...]) -> None:
        super().__init__(words)
        self.task_ids = task_ids


class WebhookError(PointsmanError):
    """A request is no genuine webhook of now. Raised by `verify_webhook`; the text quotes nothing of the request."""
