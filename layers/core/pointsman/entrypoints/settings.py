"""The functions' environment as one validated model: read once, by `runtime.py`."""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from pointsman.contracts.envelope import SendingService
from pointsman.contracts.reply_to import WEBHOOK, in_region, is_standard_queue
from pointsman.contracts.sender import SenderRules, SendingRole
from pointsman.values.taxonomy import Tier


class Settings(BaseModel):
    """What the template gives every function; a name that a function does not use may be missing there."""

    model_config = ConfigDict(frozen=True, extra="ignore", ignored_types=(cached_property,))

    stack_name: str = ""
    task_table: str = ""
    usage_table: str = ""
    limit_table: str = ""
    bucket: str = ""
    event_bus: str = ""
    state_machine_arn: str = ""
    task_queue_url: str = ""
    dlq_url: str = ""
    reply_queue_arns: str = ""
    webhook_hosts: str = ""
    prompt_bucket_arns: str = ""
    sender_arns: str = ""
    service_sender_ids: str = ""
    front_door_role_id: str = ""
    subtask_role_ids: str = ""
    front_door_origins: str = ""
    front_door_wait_seconds: int = 60
    report_topic_arn: str = ""
    report_timezone: str = "UTC"
    gemini_key_parameter: str = "/pointsman/gemini-api-key"
    anthropic_key_parameter: str = "/pointsman/anthropic-api-key"
    webhook_key_parameter: str = "/pointsman/webhook-key"
    google_gemini_base_url: str = ""
    anthropic_base_url: str = ""
    model_override_orchestration: str = ""
    model_override_implementation: str = ""
    model_override_reasoning: str = ""
    model_calls: Literal["live", "loopback"] = "live"
    stand_in: bool = False
    economy_lane: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Return the settings of the process's environment, an empty variable counting as missing."""
        source = os.environ if environment is None else environment
        return cls.model_validate({name.lower(): value for name, value in source.items() if value})

    @property
    def account(self) -> str:
        """The id of the stack's account; empty: there is no stack."""
        return self.state_machine_arn.split(":")[4] if self.state_machine_arn else ""

    @property
    def region(self) -> str:
        """The stack's region; empty: there is no stack."""
        return self.state_machine_arn.split(":")[3] if self.state_machine_arn else ""

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of budgets and reports."""
        return ZoneInfo(self.report_timezone)

    @property
    def overrides(self) -> dict[Tier, str]:
        """The tiers' models that the environment replaces."""
        models = {tier: str(getattr(self, f"model_override_{tier}")) for tier in Tier}
        return {tier: model for tier, model in models.items() if model}

    @property
    def reply_places(self) -> frozenset[str]:
        """The addresses that a task may ask to be answered at: queue ARNs, `https://` and a host.

        Queues of another region are none: replies are sent in the stack's, where a queue of the same name may be.
        Nor is whatever else has an ARN: a reply to it would fail after the task is paid for.
        """
        queues = [arn for arn in self.reply_queues if is_standard_queue(arn)]
        if self.state_machine_arn:
            _, partition, _, region, *_ = self.state_machine_arn.split(":")
            queues = [queue for queue in queues if in_region(queue, partition, region)]
        return frozenset(queues) | {f"{WEBHOOK}{host}" for host in self.hosts_of_webhooks}

    @property
    def reply_queues(self) -> list[str]:
        """What parameter ReplyQueueArns names, whether or not replies can be sent there."""
        return _listed(self.reply_queue_arns)

    @property
    def hosts_of_webhooks(self) -> list[str]:
        """The hosts that webhooks may be at, each with its port if that is not 443."""
        return [host.lower() for host in _listed(self.webhook_hosts)]

    @property
    def web_origins(self) -> frozenset[str]:
        """The origins whose pages may call the front door."""
        return frozenset(_listed(self.front_door_origins))

    @property
    def prompt_buckets(self) -> frozenset[str]:
        """The names of the buckets whose objects are prompts."""
        return frozenset(arn.rpartition(":")[2] for arn in _listed(self.prompt_bucket_arns))

    @property
    def sender_rules(self) -> SenderRules:
        """Whose word on a message's sender counts; what ServiceSenderIds says in another form counts for nothing."""
        services, known = (entry.partition(":") for entry in _listed(self.service_sender_ids)), set(SendingService)
        return SenderRules(
            roles=dict.fromkeys(_listed(self.subtask_role_ids), SendingRole.SUBTASKS)
            | dict.fromkeys(_listed(self.front_door_role_id), SendingRole.FRONT_DOOR),
            services={sender_id: SendingService(name) for name, _, sender_id in services if name in known},
            topics_and_rules=tuple(_listed(self.sender_arns)),
            buckets=self.prompt_buckets,
        )


def _listed(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(",") if entry.strip()]
