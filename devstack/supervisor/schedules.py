"""The deployed schedules of EventBridge Scheduler: when each is due, and what it sends where."""

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aws_croniter import AwsCroniter

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_EXPRESSION = re.compile(r"(cron|at)\((.+)\)")
_KEYWORD = re.compile(r"<aws\.scheduler\.([a-z-]+)>")


class UnreadableScheduleError(ValueError):
    """A schedule's expression is none of EventBridge Scheduler's."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """An enabled schedule."""

    name: str
    arn: str
    expression: str
    """Such as `rate(15 minutes)`, `cron(0 6 * * ? *)` or `at(2026-12-01T08:00:00)`."""
    zone: ZoneInfo
    """Of `cron` and `at`."""
    created: datetime
    target: str
    """An ARN."""
    input: str
    """What the target gets; empty for Scheduler's own event."""
    first: datetime | None = None
    last: datetime | None = None

    @classmethod
    def of(cls, response: Mapping[str, Any]) -> "Schedule":
        """Return the schedule of a response to GetSchedule."""
        return cls(
            response["Name"],
            response["Arn"],
            response["ScheduleExpression"],
            ZoneInfo(response.get("ScheduleExpressionTimezone") or "UTC"),
            response["CreationDate"],
            response["Target"]["Arn"],
            response["Target"].get("Input", ""),
            response.get("StartDate"),
            response.get("EndDate"),
        )

    def due_after(self, moment: datetime) -> datetime | None:
        """Return the first time after a moment at which this schedule runs; None: never again.

        Raises:
            UnreadableScheduleError: The expression is none of EventBridge Scheduler's.
        """
        since = max(moment, self.first - timedelta(minutes=1)) if self.first else moment
        due = self._due_after(since.astimezone(UTC))
        return None if due and self.last and due > self.last else due

    def _due_after(self, moment: datetime) -> datetime | None:
        if rate := _RATE.fullmatch(self.expression):
            return moment + timedelta(**{f"{rate[2]}s": int(rate[1])})
        form = _EXPRESSION.fullmatch(self.expression)
        if not form:
            raise UnreadableScheduleError(self.expression)
        try:
            if form[1] == "cron":
                return self._cron_after(AwsCroniter(form[2]), moment)
            at = datetime.fromisoformat(form[2]).replace(tzinfo=self.zone).astimezone(UTC)
        except Exception as error:  # the library has a class of its own for each field
            raise UnreadableScheduleError(self.expression) from error
        return at if at > moment else None

    def _cron_after(self, cron: AwsCroniter, moment: datetime) -> datetime | None:
        """Return the next time on the zone's clocks.

        One that they leave out is skipped; one that they repeat runs once. The library knows UTC alone, so it gets the
        clock's own time under that name.
        """
        shown = moment.astimezone(self.zone).replace(tzinfo=UTC, fold=0)
        while (shown := cron.get_next(shown)[0]) is not None:
            due: datetime = shown.replace(tzinfo=self.zone).astimezone(UTC)
            if due > moment and due.astimezone(self.zone).replace(tzinfo=UTC, fold=0) == shown:
                return due
        return None

    def body(self, due: datetime) -> str:
        """Return what the target gets, with Scheduler's keywords replaced."""
        keywords = {
            "schedule-arn": self.arn,
            "scheduled-time": f"{due:%Y-%m-%dT%H:%M:%SZ}",
            "execution-id": uuid.uuid4().hex,
            "attempt-number": "1",
        }
        return _KEYWORD.sub(lambda keyword: keywords.get(keyword[1], keyword[0]), self.input or "{}")


def deployed_schedules(scheduler: Any) -> Iterator[Schedule]:
    """Yield the enabled schedules."""
    for page in scheduler.get_paginator("list_schedules").paginate():
        for listed in page["Schedules"]:
            if listed.get("State") != "DISABLED":
                yield Schedule.of(scheduler.get_schedule(Name=listed["Name"], GroupName=listed["GroupName"]))
