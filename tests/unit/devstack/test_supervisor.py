"""The supervisor of the local stack: what it runs, what it makes up for, which alarms it tells, how it ends."""

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from devstack import FakedProviders, StackInfo, processes
from devstack.supervisor import SupervisorSettings, control, end_supervisor, start_supervisor, supervisor_is_running
from devstack.supervisor.memory import Memory, memory_folder
from devstack.supervisor.watch import StackWatch
from devstack.toolchain import LocalStackError

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
QUIET = "quiet"
"""A stack without schedules, alarms and log groups."""


class Pages:
    """A client whose list calls answer in one page."""

    def __init__(self, **pages: Any) -> None:
        self.pages = pages

    def get_paginator(self, name: str) -> Any:
        return SimpleNamespace(paginate=lambda **request: [self.pages[name](**request)])


class Cloud:
    """The part of an emulator that the supervisor uses."""

    def __init__(self, **schedules: str) -> None:
        self.schedules = schedules
        self.invoked: list[tuple[str, dict[str, Any]]] = []
        self.sent: list[str] = []
        self.target = "arn:aws:lambda:us-east-1:000000000000:function:f"
        self.lines: list[tuple[datetime, str]] = []
        self.alarms: list[dict[str, Any]] = []
        self.failed: list[datetime] = []
        self.dead = 0
        self.refuses = False

    @property
    def clients(self) -> dict[str, Any]:
        scheduler = Pages(list_schedules=lambda: {"Schedules": [self._listed(name) for name in self.schedules]})
        scheduler.get_schedule = self._schedule  # type: ignore[attr-defined]
        logs = Pages(describe_metric_filters=self._filters, filter_log_events=self._events)
        cloudwatch = Pages(describe_alarms=lambda **_: {"MetricAlarms": self.alarms})
        cloudwatch.set_alarm_state = self._set_state  # type: ignore[attr-defined]
        states = Pages(list_executions=lambda **_: {"executions": [{"stopDate": end} for end in self.failed]})
        return {
            "scheduler": scheduler,
            "logs": logs,
            "cloudwatch": cloudwatch,
            "stepfunctions": states,
            "lambda": SimpleNamespace(invoke=self._invoke),
            "sqs": SimpleNamespace(
                get_queue_url=lambda QueueName: {"QueueUrl": QueueName},
                get_queue_attributes=lambda **_: {"Attributes": {"ApproximateNumberOfMessages": str(self.dead)}},
                send_message=lambda QueueUrl, MessageBody: self.sent.append(MessageBody),
            ),
        }

    def _listed(self, name: str) -> dict[str, str]:
        return {"Name": name, "GroupName": "default", "State": "DISABLED" if name == "off" else "ENABLED"}

    def _schedule(self, Name: str, GroupName: str) -> dict[str, Any]:
        target = {"Arn": self.target, "Input": f'{{"from": "{Name}"}}'}
        shared = {"Name": Name, "Arn": f"arn:{Name}", "CreationDate": NOW, "Target": target}
        return {**shared, "ScheduleExpression": self.schedules[Name], "ScheduleExpressionTimezone": "UTC"}

    def _invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        if self.refuses:
            raise ClientError({"Error": {"Code": "ServiceException"}}, "Invoke")
        self.invoked.append((FunctionName, json.loads(Payload)))
        return {}

    def _filters(self) -> dict[str, Any]:
        change = {"metricNamespace": "N", "metricName": "FunctionErrors", "metricValue": "1"}
        known = {"filterName": "errors", "logGroupName": "g", "filterPattern": '?"[ERROR]" ?"timed out"'}
        other = {"filterName": "other", "logGroupName": "g", "filterPattern": "{ $.level = ERROR }"}
        return {"metricFilters": [{**fields, "metricTransformations": [change]} for fields in (known, other)]}

    def _events(self, logGroupName: str, startTime: int, endTime: int) -> dict[str, Any]:
        stamped = [(int(at.timestamp() * 1000), line) for at, line in self.lines]
        return {"events": [{"timestamp": at, "message": line} for at, line in stamped if startTime <= at <= endTime]}

    def _set_state(self, AlarmName: str, StateValue: str, StateReason: str) -> None:
        next(alarm for alarm in self.alarms if alarm["AlarmName"] == AlarmName)["StateValue"] = StateValue

    def alarm(self, name: str, metric: str, namespace: str = "N", **changes: Any) -> None:
        shared = {"Statistic": "Sum", "ComparisonOperator": "GreaterThanThreshold", "Threshold": 0, "Period": 300}
        fields = {"AlarmName": f"pointsman-{name}Alarm-AB12", "StateValue": "INSUFFICIENT_DATA", "MetricName": metric}
        more = {"EvaluationPeriods": 1, "TreatMissingData": "notBreaching", "AlarmDescription": "Read the log."}
        self.alarms.append({**shared, **fields, **more, "Namespace": namespace, **changes})


class Watched:
    """A watch over a cloud, and what it told."""

    def __init__(self, folder: Path, cloud: Cloud) -> None:
        stand_in = FakedProviders(gemini=True, anthropic=True)
        (folder / "tmp").mkdir(exist_ok=True)
        self.info = StackInfo(state_dir=folder, token="t", stand_in=stand_in, endpoint="http://127.0.0.1:1")
        self.cloud, self.told = cloud, list[str]()
        self.restart(NOW)

    def restart(self, now: datetime) -> None:
        """Begin again with what is stored, as after the end of the process."""
        self.memory = Memory.load(memory_folder(self.info), now)
        self.watch = StackWatch(self.info, self.cloud.clients, self.memory, self.told.append)

    def run(self, now: datetime) -> list[str]:
        """Run the schedules, and return those that ran."""
        before = len(self.cloud.invoked)
        self.watch.run_schedules(now)
        for _, thread in self.watch._running:
            thread.join()
        return sorted(event["from"] for _, event in self.cloud.invoked[before:])

    def look(self, now: datetime, *command: str) -> None:
        self.watch.look(now, command, os.environ)
        self.watch.save()


@pytest.fixture
def watched(tmp_path: Path) -> Callable[..., Watched]:
    return lambda **schedules: Watched(tmp_path, Cloud(**schedules))


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def test_schedules_run_when_they_are_due(watched: Callable[..., Watched]) -> None:
    stack = watched(sweep="rate(15 minutes)", report="cron(0 18 * * ? *)", off="rate(1 minute)")
    assert stack.run(NOW) == []
    assert stack.watch.next_run(NOW) == NOW + minutes(1)
    assert stack.run(NOW + minutes(14.9)) == []
    assert stack.run(NOW + minutes(15)) == ["sweep"]
    assert stack.watch.next_run(NOW + minutes(29.5)) == NOW + minutes(30)
    assert stack.run(NOW + minutes(16)) == []
    assert stack.run(NOW + minutes(6 * 60)) == ["report", "sweep"]


def test_missed_runs_are_made_up_for_once_also_by_another_process(watched: Callable[..., Watched]) -> None:
    stack = watched(sweep="rate(15 minutes)", report="cron(0 18 * * ? *)")
    stack.run(NOW)
    stack.watch.save()
    stack.restart(NOW + timedelta(days=3))
    assert stack.run(NOW + timedelta(days=3)) == ["report", "sweep"]
    assert stack.run(NOW + timedelta(days=3, seconds=5)) == []
    assert "schedule report, 66 h late: ran" in stack.told
    stack.restart(NOW + timedelta(days=3, seconds=9))
    assert stack.run(NOW + timedelta(days=3, seconds=9)) == []


def test_changed_schedule_is_another_one(watched: Callable[..., Watched]) -> None:
    stack = watched(report="cron(0 18 * * ? *)")
    stack.run(NOW)
    stack.cloud.schedules["report"] = "cron(0 11 * * ? *)"
    assert stack.run(NOW + timedelta(days=2)) == [], "it is not due for the days before it was there"
    assert stack.run(NOW + timedelta(days=3)) == ["report"]


def test_clock_that_was_set_back_delays_no_schedule(watched: Callable[..., Watched]) -> None:
    stack = watched(sweep="rate(15 minutes)")
    stack.run(NOW + timedelta(days=30))
    assert stack.run(NOW) == []
    assert stack.run(NOW + minutes(15)) == ["sweep"]


def test_schedule_sends_to_a_queue_and_says_what_it_cannot_do(watched: Callable[..., Watched]) -> None:
    stack = watched(nightly="rate(1 minute)", odd="every now and then")
    stack.cloud.target = "arn:aws:sqs:us-east-1:000000000000:tasks"
    stack.run(NOW)
    stack.run(NOW + minutes(1))
    assert stack.cloud.sent == ['{"from": "nightly"}']
    stack.cloud.target = "arn:aws:sns:us-east-1:000000000000:topic"
    stack.run(NOW + minutes(2))
    assert any("neither a function nor a queue" in line for line in stack.told)
    assert sum("odd cannot be read" in line for line in stack.told) == 1


def test_failed_run_is_told_and_the_next_one_comes(watched: Callable[..., Watched]) -> None:
    stack = watched(sweep="rate(15 minutes)")
    stack.run(NOW)
    stack.cloud.refuses = True
    assert stack.run(NOW + minutes(15)) == []
    assert "did not run" in stack.told[-1]
    stack.cloud.refuses = False
    assert stack.run(NOW + minutes(30)) == ["sweep"]


def test_full_disk_stops_no_schedule(watched: Callable[..., Watched], monkeypatch: pytest.MonkeyPatch) -> None:
    stack = watched(sweep="rate(15 minutes)")
    stack.run(NOW)

    def refuse(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Memory, "save", refuse)
    assert stack.run(NOW + minutes(15)) == ["sweep"]
    assert stack.run(NOW + minutes(16)) == []
    assert sum("No space left" in line for line in stack.told) == 1


def receiver(folder: Path) -> list[str]:
    """Return a command that stores what it gets."""
    code = "import sys; sys.stdout = open(sys.argv[1], 'a'); print(repr(sys.argv[2:]), sys.stdin.read())"
    return [sys.executable, "-c", code, str(folder / "got"), "$(touch hacked); `x` a b"]


def test_alarm_is_told_once_and_its_command_gets_json_without_a_shell(
    watched: Callable[..., Watched], tmp_path: Path
) -> None:
    stack = watched()
    stack.cloud.alarm("FunctionErrors", "FunctionErrors")
    command = receiver(tmp_path)
    stack.look(NOW, *command)
    assert not (tmp_path / "got").exists()
    stack.cloud.lines.append((NOW + minutes(1), "[ERROR] ZeroDivisionError; `rm -rf`"))
    for number in (2, 3):
        stack.look(NOW + minutes(number), *command)
    words, _, document = (tmp_path / "got").read_text().strip().partition("] ")
    assert words == "['$(touch hacked); `x` a b'"
    fields = json.loads(document)
    assert (fields["alarm"], fields["state"], fields["stack"]) == ("FunctionErrors", "ALARM", "pointsman")
    assert (fields["description"], fields["since"]) == ("Read the log.", (NOW + minutes(2)).isoformat())
    assert stack.cloud.alarms[0]["StateValue"] == "ALARM"
    assert [line for line in stack.told if "FunctionErrors" in line] == [
        "ALARM FunctionErrors: Read the log. (FunctionErrors: Sum 1 in 5 min; threshold 0)"
    ]
    stack.look(NOW + minutes(7), *command)
    assert stack.told[-1] == "alarm FunctionErrors is over (FunctionErrors: Sum no data in 5 min; threshold 0)"
    assert stack.cloud.alarms[0]["StateValue"] == "OK"
    assert not (tmp_path / "hacked").exists()


def test_alarm_that_lasts_is_not_told_again_by_another_process(watched: Callable[..., Watched], tmp_path: Path) -> None:
    stack = watched()
    stack.cloud.alarm("DeadLetters", "ApproximateNumberOfMessagesVisible", "AWS/SQS", Statistic="Maximum")
    stack.cloud.alarms[0]["Dimensions"] = [{"Name": "QueueName", "Value": "dead"}]
    stack.cloud.dead = 1
    stack.look(NOW, *receiver(tmp_path))
    stack.restart(NOW + minutes(1))
    stack.look(NOW + minutes(1), *receiver(tmp_path))
    assert len((tmp_path / "got").read_text().splitlines()) == 1


def test_line_is_counted_once_however_often_the_process_begins_again(watched: Callable[..., Watched]) -> None:
    stack = watched()
    stack.cloud.alarm("FunctionErrors", "FunctionErrors", Threshold=1)
    stack.cloud.lines.append((NOW + minutes(0.5), "Task timed out after 60 s"))
    for number in range(1, 5):
        stack.look(NOW + minutes(number))
        stack.restart(NOW + minutes(number))
    assert [point.value for point in stack.memory.datapoints] == [1.0]
    assert stack.cloud.alarms[0]["StateValue"] == "OK"


def test_silence_counts_only_once_it_has_been_watched(watched: Callable[..., Watched]) -> None:
    """A new stack has no report yet, which is no failure."""
    silence = {"ComparisonOperator": "LessThanThreshold", "Threshold": 1, "Period": 3600, "EvaluationPeriods": 26}
    stack = watched()
    stack.cloud.alarm("ReportMissing", "ReportPublished", TreatMissingData="breaching", **silence)
    stack.look(NOW)
    assert stack.cloud.alarms[0]["StateValue"] == "INSUFFICIENT_DATA"
    stack.look(NOW + timedelta(hours=27))
    assert stack.cloud.alarms[0]["StateValue"] == "ALARM"


def test_metrics_of_executions_and_of_the_functions_are_evaluated(watched: Callable[..., Watched]) -> None:
    stack = watched()
    stack.cloud.alarm("WorkflowFailed", "ExecutionsFailed", "AWS/States")
    stack.cloud.alarms[0]["Dimensions"] = [{"Name": "StateMachineArn", "Value": "m"}]
    stack.cloud.alarm("MonthSpend", "Percent", Threshold=80, Statistic="Maximum")
    stack.cloud.alarms[1]["Dimensions"] = [{"Name": "service", "Value": "s"}]
    stack.cloud.alarm("Unknown", "Duration", "AWS/Lambda")
    stack.cloud.failed = [NOW - minutes(60), NOW + minutes(1)]
    directive = {"Namespace": "N", "Dimensions": [["service"]], "Metrics": [{"Name": "Percent"}]}
    stamp = int((NOW + minutes(1)).timestamp() * 1000)
    metrics = {"_aws": {"Timestamp": stamp, "CloudWatchMetrics": [directive]}, "service": "s", "Percent": [81.0]}
    stack.cloud.lines = [(NOW + minutes(1), json.dumps(metrics)), (NOW + minutes(1), 'he said "_aws" and {no more')]
    stack.look(NOW)
    assert [alarm["StateValue"] for alarm in stack.cloud.alarms] == ["OK", "OK", "INSUFFICIENT_DATA"]
    stack.look(NOW + minutes(2))
    assert [alarm["StateValue"] for alarm in stack.cloud.alarms] == ["ALARM", "ALARM", "INSUFFICIENT_DATA"]
    assert sum("Unknown" in line and "is not evaluated" in line for line in stack.told) == 1
    assert sum("filter other is not applied" in line for line in stack.told) == 1


@pytest.mark.parametrize(
    ("command", "says"),
    [(["/no/such/command"], "did not run"), ([sys.executable, "-c", "exit('no display')"], "1: no display")],
)
def test_command_that_fails_is_told(watched: Callable[..., Watched], command: list[str], says: str) -> None:
    stack = watched()
    stack.cloud.alarm("FunctionErrors", "FunctionErrors")
    stack.cloud.lines = [(NOW + minutes(1), "[ERROR]")]
    stack.look(NOW)
    stack.look(NOW + minutes(2), *command)
    assert says in stack.told[-1]


def test_command_is_split_as_a_shell_does() -> None:
    assert SupervisorSettings.parse("notify-send -u critical 'Pointsman: $HOME'").on_alarm == (
        *("notify-send", "-u", "critical"),
        "Pointsman: $HOME",
    )
    assert SupervisorSettings.parse("").on_alarm == ()
    with pytest.raises(LocalStackError, match="command for alarms cannot be read"):
        SupervisorSettings.parse("notify-send 'x")


def test_stored_memory_that_is_broken_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "supervisor.json").write_text('{"since": "x"')
    assert Memory.load(tmp_path, NOW).since == NOW


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.1)


def test_process_runs_once_survives_kill_9_and_ends_with_its_stack(tmp_path: Path) -> None:
    alive = processes.start_process(
        "stack", ["sleep", "300"], environment=dict(os.environ), token="t-1", log=tmp_path / "log"
    )
    stand_in = FakedProviders(gemini=True, anthropic=True)
    shared = {"state_dir": tmp_path, "token": "t-1", "endpoint": "http://127.0.0.1:1"}
    stack = StackInfo(processes=(alive,), stand_in=stand_in, **shared).save()
    running = lambda: supervisor_is_running(tmp_path)  # noqa: E731
    try:
        assert not running()
        assert start_supervisor(stack, {"PATH": os.defpath, "GEMINI_API_KEY": "secret"})
        assert running()
        pid = json.loads((tmp_path / "supervisor.lock").read_text())["pid"]
        assert b"GEMINI_API_KEY" not in Path(f"/proc/{pid}/environ").read_bytes()
        assert start_supervisor(stack, os.environ)
        assert json.loads((tmp_path / "supervisor.lock").read_text())["pid"] == pid
        os.kill(pid, 9)
        until(lambda: not running())
        start_supervisor(stack, {"PATH": os.defpath})
        until(running)
        end_supervisor(tmp_path)
        assert not running()
        assert processes.is_running(alive), "it leaves the stack alone"
        start_supervisor(stack, {"PATH": os.defpath})
        until(running)
        stack.forget()
        until(lambda: not running())
    finally:
        processes.end_processes([alive], "t-1")


def test_supervisor_that_ends_at_its_start_is_no_running_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = FakedProviders(gemini=True, anthropic=True)
    stack = StackInfo(state_dir=tmp_path, token="t-1", endpoint="http://127.0.0.1:1", stand_in=stand_in)
    monkeypatch.setattr(control, "_command", lambda _: [sys.executable, "-c", "import no_such_module"])
    assert not start_supervisor(stack, os.environ)
    assert "no_such_module" in (tmp_path / "supervisor.log").read_text()
