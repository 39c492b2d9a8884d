"""The alarms of the local stack that are on."""

from devstack import StackInfo
from devstack.supervisor.alarms import ALARM_ON, short_alarm_name
from pointsman_cli.stacks import StackConnection


def local_alarms(connection: StackConnection) -> list[str]:
    """Return a line for each alarm that is on; none for a stack on AWS, where looking at them costs and mail tells."""
    if not isinstance(connection.clients, StackInfo):
        return []
    on = connection.clients.client("cloudwatch").describe_alarms(StateValue=ALARM_ON)["MetricAlarms"]
    return [
        f"{short_alarm_name(connection.stack_name, alarm['AlarmName'])}: {alarm.get('AlarmDescription', '')}"
        for alarm in on
    ]
