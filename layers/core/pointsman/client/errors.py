"""What a client raises. What AWS refuses comes as botocore's own errors, after the SDK's retries."""

from typing import TYPE_CHECKING

from pointsman.errors import PointsmanError

if TYPE_CHECKING:
    from pointsman.client.result import Result


class NoStackError(PointsmanError):
    """The CloudFormation stack is none of Pointsman's, or not fully deployed. Raised by `Client.of_stack`."""


class InvalidTaskError(PointsmanError):
    """The message can never work. Raised before it is sent; the text names field and rule, never the value."""


class NotEndedError(PointsmanError, TimeoutError):
    """Tasks have not ended in time. Raised while waiting: they go on, and may be waited for again."""

    def __init__(self, words: str, task_ids: tuple[str, ...]) -> None:
        super().__init__(words)
        self.task_ids = task_ids


class NoAnswerError(PointsmanError):
    """A task ended without an answer; `result` has its reason and its cost. The root of the two below."""

    def __init__(self, words: str, result: "Result") -> None:
        super().__init__(words)
        self.result = result


class TaskFailedError(NoAnswerError):
    """A task was tried and has no answer: refused, blocked, over budget, past its deadline, no model left."""


class TaskRejectedError(NoAnswerError):
    """A message was not taken, as when its `task_id` belongs to a task with other content."""


class WebhookError(PointsmanError):
    """A request is no genuine webhook of now. Raised by `verify_webhook`; the text quotes nothing of the request."""
