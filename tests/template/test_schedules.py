"""The schedules: their names, what keeps functions warm, and a report on the day when clocks change."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from pointsman.entrypoints.cost_report import last_due
from pointsman.entrypoints.lambda_context import KEEP_WARM
from tests.support.cloudformation import Resource, load

Resources = dict[str, Resource]


def test_schedule_names_contain_the_stack_name() -> None:
    """By default, SAM names a schedule after its logical id alone."""
    schedules = [
        event["Properties"]["Name"]
        for resource in load()["Resources"].values()
        for event in resource["Properties"].get("Events", {}).values()
        if event["Type"] == "ScheduleV2"
    ]
    assert len(schedules) == 7
    assert all(name["Fn::Sub"].startswith("${AWS::StackName}-") for name in schedules)


def test_keep_warm_schedules_cover_the_functions_of_an_orchestration_task(functions: Resources) -> None:
    schedules = {
        name: event["Properties"]
        for name, function in functions.items()
        for event in function["Properties"].get("Events", {}).values()
        if event["Type"] == "ScheduleV2" and "IsKeptWarm" in str(event["Properties"].get("State"))
    }
    assert schedules.keys() == {"RouterFunction", "OrchestrationFunction", "DeliveryFunction"}
    for schedule in schedules.values():
        assert json.loads(schedule["Input"]) == KEEP_WARM
        assert schedule["State"] == {"Fn::If": ["IsKeptWarm", "ENABLED", "DISABLED"]}


def test_report_is_made_up_for_at_an_hour_that_exists(functions: Resources, template: dict[str, Any]) -> None:
    """EventBridge Scheduler skips a time that does not exist on the day when clocks go forward."""
    make_up = functions["CostReportFunction"]["Properties"]["Events"]["MakeUp"]["Properties"]
    expression, names = make_up["ScheduleExpression"]["Fn::Sub"]
    assert (expression, names["Hour"]["Fn::FindInMap"][0]) == ("cron(0 ${Hour} * * ? *)", "MakeUpHours")
    assert json.loads(make_up["Input"]["Fn::Sub"].replace("${ReportHour}", "6")) == {
        "if_missing": True,
        "report_hour": 6,
    }
    hours = {int(hour): entry["Hour"] for hour, entry in template["Mappings"]["MakeUpHours"].items()}
    allowed = template["Parameters"]["ReportHour"]
    assert hours.keys() == set(range(allowed["MinValue"], allowed["MaxValue"] + 1))
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(730)]
    left_out = 0
    for zone in map(ZoneInfo, sorted(available_timezones())):
        for day in days:
            start, end = (datetime(d.year, d.month, d.day, tzinfo=zone) for d in (day, day + timedelta(days=1)))
            if end.astimezone(UTC) - start.astimezone(UTC) >= timedelta(days=1):
                continue  # no hour of the day is left out
            for hour, later in hours.items():
                if not exists(datetime(day.year, day.month, day.day, hour, tzinfo=zone)):
                    left_out += 1
                    made_up = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(
                        days=later < hour, hours=later
                    )
                    assert exists(made_up), (zone, day, hour)
                    assert last_due(made_up.replace(tzinfo=None), hour) == day - timedelta(days=1)
    assert left_out > 100


def exists(moment: datetime) -> bool:
    """Return whether clocks show this local time."""
    return moment.astimezone(UTC).astimezone(moment.tzinfo).replace(tzinfo=None) == moment.replace(tzinfo=None)
