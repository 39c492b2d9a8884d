"""The supervisor on the deployed stack: a schedule that was missed runs, and an alarm goes off and runs its command."""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devstack import processes
from devstack.supervisor import SupervisorSettings, supervisor_is_running
from devstack.supervisor.alarms import ALARM_ON
from devstack.supervisor.memory import Memory, ScheduleRun, memory_folder
from devstack.supervisor.schedules import deployed_schedules
from tests.support.local_stack import Stack, eventually

pytestmark = pytest.mark.stack


def test_missed_schedule_runs_and_an_alarm_runs_its_command(stack: Stack, tmp_path: Path) -> None:
    info = stack.info.model_copy(update={"state_dir": tmp_path}).save()
    now = datetime.now(UTC)
    schedules = {schedule.name: schedule for schedule in deployed_schedules(stack.client("scheduler"))}
    assert {"pointsman-report", "pointsman-report-make-up", "pointsman-sweep", "pointsman-economy"} == schedules.keys()
    memory = Memory(since=now, read_until=now)
    for name, schedule in schedules.items():
        missed = timedelta(days=2) if name == "pointsman-report" else timedelta()
        memory.runs[name] = ScheduleRun(expression=schedule.expression, last=now - missed)
    kept = memory_folder(info)
    kept.mkdir()
    memory.save(kept)
    got = tmp_path / "got.json"
    write = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())"
    SupervisorSettings(on_alarm=(sys.executable, "-c", write, str(got))).save(tmp_path)
    stack.client("sqs").purge_queue(QueueUrl=stack.info.outputs["DeadLetterQueueUrl"])
    process = processes.start_process(
        "The supervisor",
        [sys.executable, "-m", "devstack.supervisor", str(tmp_path), "--every", "1"],
        environment=dict(os.environ),
        token=f"{info.token}-supervisor",
        log=tmp_path / "log",
    )

    def log() -> str:
        return (tmp_path / "log").read_text()

    try:
        eventually(lambda: "schedule pointsman-report, " in log() or None, "the report")
        assert " late: ran" in log()
        eventually(
            lambda: [1 for point in Memory.load(kept, now).datapoints if point.name == "ReportPublished"] or None,
            "the report's own metric",
        )
        assert not got.exists()
        stack.send_raw('{"task_id": "no-task", "tier": "reasoning"}')
        document = json.loads(eventually(lambda: got.read_text() if got.exists() else None, "the command") or "{}")
        assert (document["alarm"], document["state"]) == ("DeadLetters", ALARM_ON)
        alarms = stack.client("cloudwatch").describe_alarms(StateValue=ALARM_ON)["MetricAlarms"]
        assert "pointsman-DeadLettersAlarm" in str(alarms)
        assert log().count("schedule pointsman-") == 1, "what was not due did not run"
        assert supervisor_is_running(tmp_path)
    finally:
        processes.end_processes([process], f"{info.token}-supervisor")
        stack.client("sqs").purge_queue(QueueUrl=stack.info.outputs["DeadLetterQueueUrl"])
