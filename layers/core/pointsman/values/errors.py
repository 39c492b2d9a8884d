"""The errors that Pointsman raises itself, each saying who raises it and what happens next."""

_MOST_NAMED = 10
"""Troubles that one message names; the log has them all."""


class PointsmanError(Exception):
    """The root of them."""


def safe_message(error: Exception) -> str:
    """Return what may be logged and stored of any error: our own words, else type and AWS's code, never its text."""
    if isinstance(error, PointsmanError):
        return str(error)
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return f"{type(error).__name__}: {code}" if code else type(error).__name__


class MissingKeyError(PointsmanError):
    """A key is nowhere. Raised when a model is first asked: the attempt is `auth`, the next hop follows; or when a
    webhook is to be signed: it counts as not delivered.
    """


class NotLoopbackError(PointsmanError):
    """Model calls are limited to this machine. Raised when a client for another address would be built."""


class RetryLaterError(PointsmanError):
    """Another invocation works on this message. Raised by the router per message: it returns to the queue, unless its
    twin stands in the same batch.
    """

    def __init__(self, why: str, *, same_batch: bool = False) -> None:
        super().__init__(why)
        self.same_batch = same_batch


class InputMismatchError(PointsmanError):
    """An execution has our name and another input. Raised by the router: the message returns to the queue."""


class StoreError(PointsmanError):
    """A store of ours is out of reach or throttles, through all of its client's retries. Raised by the adapters of
    books and texts: an attempt that has not called yet waits and is made again; elsewhere message or step is repeated.
    """


class OutdatedTableError(PointsmanError):
    """The task table lacks an index of this version's, or is still being given it. Raised by the adapter of the list:
    commands say what to deploy; the report's function fails, which its alarm shows.
    """


class NotReservedError(StoreError):
    """A store was out of reach before anything was sent. Raised by `make_call`: the attempt waits and is made again."""


class NotKeptError(PointsmanError):
    """The bucket took no answer, and it is too large for its record. Raised by the adapter of texts: the attempt is
    booked at its known cost and has no answer.
    """


class ArchiveError(PointsmanError):
    """A day of the ledger cannot be archived, or its archive cannot be trusted. Raised by the archive: the sweep fails
    in the end and tries again at its next turn, the report is not made of damaged files. Nothing is removed meanwhile.
    """


class DeliveryError(PointsmanError):
    """A place to reply to could not be reached, or subtasks not be sent. Raised by the delivery: the workflow tries
    again, then keeps it for the sweep.
    """


class SweepError(PointsmanError):
    """Some of what the sweep looks after could not be. Raised by the sweep when all else is done: the alarm on function
    errors shows it, and the next sweep tries again.
    """

    def __init__(self, troubles: list[str]) -> None:
        shown = [*troubles[:_MOST_NAMED], *([f"{len(troubles) - _MOST_NAMED} more"] if troubles[_MOST_NAMED:] else [])]
        super().__init__(f"the sweep could not do all: {', '.join(shown)}")


class BatchError(PointsmanError):
    """A provider's batches cannot be read or cancelled now. Raised by the adapter: the economy lane's next run tries
    again.
    """


class LaneError(PointsmanError):
    """Some of what the economy lane looks after could not be. Raised by its run when all else is done: the alarm on
    function errors shows it, and the next run tries again.
    """

    def __init__(self, troubles: list[str]) -> None:
        super().__init__(f"the economy lane could not do all: {', '.join(troubles[:_MOST_NAMED])}")


class PublishError(PointsmanError):
    """AWS or a webhook's host did not take an event or a reply; the message is an error code or a rule of ours. Raised
    by the adapters of bus and replies: the delivery tries again.
    """
