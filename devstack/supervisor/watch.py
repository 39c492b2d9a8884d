"""One look at a stack: run what is due, read what happened, tell which alarms go off."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from devstack.info import StackInfo
from devstack.supervisor.alarms import ALARM_OFF, ALARM_ON, NO_DATA, Alarm, Datapoint, short_alarm_name
from devstack.supervisor.memory import AlarmState, Memory, ScheduleRun, StoredDatapoint, memory_folder
from devstack.supervisor.metrics import Clients, is_measured, logged_datapoints, measured_datapoints
from devstack.supervisor.schedules import Schedule, UnreadableScheduleError, deployed_schedules

_LOGGED_WITHIN = timedelta(seconds=5)
"""A line is in the log so long after its time."""
_LONGEST_RUN = Config(read_timeout=910, retries={"total_max_attempts": 1})
"""A function runs 15 minutes at most, and a run that may have happened is not repeated."""
_COMMAND_SECONDS = 60.0
_PATIENCE_FOR_RUNS = timedelta(minutes=5)

type Tell = Callable[[str], None]


class StackClients(dict[str, Any]):
    """A stack's AWS clients, made when they are needed first."""

    def __init__(self, stack: StackInfo) -> None:
        super().__init__()
        self._stack, self._session = stack, stack.session()

    def __missing__(self, service: str) -> Any:
        options = self._stack.client_options
        if service == "lambda":
            options["config"] = options["config"].merge(_LONGEST_RUN)
        self[service] = self._session.client(service, **options)
        return self[service]


class StackWatch:
    """A stack, and what is known of it."""

    def __init__(self, stack: StackInfo, clients: Clients, memory: Memory, tell: Tell) -> None:
        """Take the stack, its clients, what is remembered of it, and what prints a line."""
        self.stack, self.memory = stack, memory
        self._tell, self._clients = tell, clients
        self._told: set[str] = set()
        self._schedules: list[Schedule] = []
        self._running: list[tuple[datetime, threading.Thread]] = []

    def run_schedules(self, now: datetime) -> None:
        """Run each schedule that is due, once however often it was missed; those of one target in turn."""
        self._schedules = list(deployed_schedules(self._clients["scheduler"]))
        due_now = sorted(self._due(now), key=lambda run: run[0])
        if not due_now:
            return
        for _, schedule in due_now:
            self.memory.runs[schedule.name] = ScheduleRun(expression=schedule.expression, last=now)
        # Before they run: what ends this process then ends in a run less, not in one at each start.
        self.save()
        self._clients["lambda"], self._clients["sqs"]
        for target in {schedule.target for _, schedule in due_now}:
            runs = [(due, schedule) for due, schedule in due_now if schedule.target == target]
            thread = threading.Thread(target=self._run_all, args=(runs, now), daemon=True)
            thread.start()
            self._running.append((now, thread))

    def _due(self, now: datetime) -> Iterator[tuple[datetime, Schedule]]:
        for schedule in self._schedules:
            due = self._next(schedule, self.memory.due_since(schedule.name, schedule.expression, now))
            if due and due <= now:
                yield due, schedule

    def _next(self, schedule: Schedule, since: datetime) -> datetime | None:
        try:
            return schedule.due_after(since)
        except UnreadableScheduleError:
            self._tell_once(f"schedule {schedule.name} cannot be read, and never runs: {schedule.expression}")
            return None

    def _run_all(self, runs: list[tuple[datetime, Schedule]], now: datetime) -> None:
        for due, schedule in runs:
            late = f", {_span(now - due)} late" if now - due >= timedelta(minutes=2) else ""
            try:
                result = self._run(schedule, due)
            except (BotoCoreError, ClientError) as error:
                result = f"did not run: {error}"
            self._tell(f"schedule {schedule.name}{late}: {result}")

    def _run(self, schedule: Schedule, due: datetime) -> str:
        service, body = schedule.target.split(":")[2], schedule.body(due)
        if service == "lambda":
            response = self._clients["lambda"].invoke(FunctionName=schedule.target, Payload=body.encode())
            return "failed; see the function's log" if response.get("FunctionError") else "ran"
        if service == "sqs":
            sqs = self._clients["sqs"]
            queue = sqs.get_queue_url(QueueName=schedule.target.rpartition(":")[2])["QueueUrl"]
            sqs.send_message(QueueUrl=queue, MessageBody=body)
            return "sent"
        return f"not run: its target is neither a function nor a queue ({schedule.target})"

    def next_run(self, now: datetime) -> datetime:
        """Return when to look again: when a schedule is due, within a minute."""
        runs = ((schedule, self.memory.runs.get(schedule.name)) for schedule in self._schedules)
        times = [self._next(schedule, run.last) for schedule, run in runs if run]
        return min([now + timedelta(minutes=1), *(due for due in times if due)])

    def look(self, now: datetime, on_alarm: tuple[str, ...], environ: Mapping[str, str]) -> None:
        """Read what happened since the last look, and tell the alarms that go off or end.

        What runs now may mend what looks broken, as a report that was missed: then the next look tells.
        """
        self._running = [(began, run) for began, run in self._running if run.is_alive()]
        if any(now - began < _PATIENCE_FOR_RUNS for began, _ in self._running):
            return
        described = self._described()
        until = max(now - _LOGGED_WITHIN, self.memory.read_until)
        watched = {alarm.metric for alarm in described.values()}
        fresh = [
            *logged_datapoints(self._clients["logs"], self.memory.read_until, until, self._tell_once),
            *measured_datapoints(self.stack, self._clients, watched, self.memory.read_until, until),
        ]
        stored = (StoredDatapoint.of(point) for point in fresh if point.metric in watched)
        self.memory.datapoints.extend(stored)
        self.memory.read_until = until
        self.memory.drop_before(now - max((alarm.length for alarm in described.values()), default=timedelta()))
        datapoints = [point.datapoint for point in self.memory.datapoints]
        for name, alarm in described.items():
            self._judge(name, alarm, datapoints, now, on_alarm, environ)

    def _described(self) -> dict[str, Alarm]:
        pages = self._clients["cloudwatch"].get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm"])
        alarms = {found["AlarmName"]: found for page in pages for found in page["MetricAlarms"]}
        described: dict[str, Alarm] = {}
        for name, properties in alarms.items():
            alarm = Alarm.of(properties)
            if is_measured(alarm.metric):
                described[name] = alarm
            else:
                self._tell_once(f"alarm {name} is not evaluated: the local stack has no metric {alarm.metric.name}")
        return described

    def _judge(
        self,
        name: str,
        alarm: Alarm,
        datapoints: list[Datapoint],
        now: datetime,
        on_alarm: tuple[str, ...],
        environ: Mapping[str, str],
    ) -> None:
        state = alarm.state(datapoints, now)
        if state == ALARM_ON and alarm.takes_silence_for_failure and now - self.memory.since < alarm.length:
            state = NO_DATA  # nobody has watched for so long
        before = self.memory.alarms.get(name)
        reason = alarm.reason(datapoints, now)
        if alarm.properties["StateValue"] != state:
            self._clients["cloudwatch"].set_alarm_state(AlarmName=name, StateValue=state, StateReason=reason)
        if before and before.state == state:
            return
        self.memory.alarms[name] = AlarmState(state=state, since=now)
        short = short_alarm_name(self.stack.stack_name, name)
        description = alarm.properties.get("AlarmDescription", "")
        if state == ALARM_ON:
            self._tell(f"ALARM {short}: {description} ({reason})")
            self.save()  # before the command: it runs once
            self._run_command(on_alarm, environ, _document(self.stack, name, short, description, reason, now))
        elif state == ALARM_OFF and before and before.state == ALARM_ON:
            self._tell(f"alarm {short} is over ({reason})")

    def _run_command(self, command: tuple[str, ...], environ: Mapping[str, str], document: dict[str, str]) -> None:
        if not command:
            return
        try:
            done = subprocess.run(
                command,
                input=json.dumps(document).encode(),
                env=dict(environ),
                cwd="/",
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=_COMMAND_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            self._tell(f"the command for alarms did not run: {error}")
            return
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            self._tell(f"the command for alarms ended with {done.returncode}: {said}")

    def save(self) -> None:
        """Store what is remembered. Where that fails, as on a full disk, the work goes on."""
        try:
            self.memory.save(memory_folder(self.stack))
        except OSError as error:
            self._tell_once(f"the supervisor cannot remember what it did: {error}")

    def _tell_once(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            self._tell(line)


def _document(stack: StackInfo, name: str, short: str, description: str, reason: str, now: datetime) -> dict[str, str]:
    return {
        "alarm": short,
        "alarm_name": name,
        "state": ALARM_ON,
        "since": now.isoformat(timespec="seconds"),
        "description": description,
        "reason": reason,
        "stack": stack.stack_name,
        "endpoint": stack.endpoint,
    }


def _span(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
