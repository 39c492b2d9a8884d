"""The stack under examination, what several checks read from it, each read once, and what a check finds."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from pointsman.execution.batch import ProviderBatch
from pointsman.execution.model_health import ModelState
from pointsman.routing.catalog import Provider
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import Tier
from pointsman.values.text import without_mark
from pointsman_cli.doctor.providers import ProviderAnswer, ask_provider, list_batches
from pointsman_cli.stacks import StackConnection

KEY_SETTINGS = {Provider.GEMINI: "gemini_key_parameter", Provider.ANTHROPIC: "anthropic_key_parameter"}
"""The setting that names each provider's SecureString."""


@dataclass(frozen=True)
class StackProbe:
    """A stack, the time of the examination, and how thorough it is."""

    connection: StackConnection
    now: datetime
    ask_providers: bool
    """Whether to ask the providers about keys and models, which is free."""
    detect_drift: bool
    """Whether CloudFormation compares the resources with the template again."""

    @property
    def local(self) -> bool:
        """Whether this is an emulator on this machine, from `pointsman up` or AWS_ENDPOINT_URL."""
        return urlsplit(self.client("cloudformation").meta.endpoint_url).hostname in ("127.0.0.1", "localhost")

    @property
    def policy(self) -> RoutingPolicy:
        """Which models serve which tier."""
        return self.connection.runtime.context.policy

    def client(self, service: str) -> Any:
        """Return an AWS client."""
        return self.connection.clients.client(service)

    @cached_property
    def description(self) -> dict[str, Any]:
        """CloudFormation's description of the stack."""
        response: dict[str, Any] = self.client("cloudformation").describe_stacks(StackName=self.connection.stack_name)
        return response

    @cached_property
    def key_parameters(self) -> dict[str, dict[str, Any]]:
        """Parameter Store's entries for the keys, by name. Decrypted only if the providers are asked."""
        settings = self.connection.settings
        names = [str(getattr(settings, field)) for field in KEY_SETTINGS.values()]
        names += [settings.webhook_key_parameter] if settings.hosts_of_webhooks else []
        response = self.client("ssm").get_parameters(Names=names, WithDecryption=self.ask_providers)
        return {parameter["Name"]: parameter for parameter in response["Parameters"]}

    @cached_property
    def answers(self) -> dict[str, ProviderAnswer]:
        """What the providers say about the models in use, by model. Empty if they are not asked."""
        if not self.ask_providers:
            return {}
        settings, answers = self.connection.settings, {}
        for provider, field in KEY_SETTINGS.items():
            parameter = self.key_parameters.get(getattr(settings, field))
            models = [name for name in self.policy.in_use() if self.policy.catalog.get(name).provider is provider]
            if parameter and models:
                answers.update(ask_provider(provider, settings, without_mark(parameter["Value"]).strip(), models))
        return answers

    @cached_property
    def provider_batches(self) -> list[ProviderBatch] | None:
        """Claude's message batches of the last 24 hours, whoever created them; None: the provider is not asked.

        Raises:
            BatchError: They could not be read.
        """
        settings = self.connection.settings
        parameter = self.key_parameters.get(settings.anthropic_key_parameter)
        if not self.ask_providers or parameter is None:
            return None
        return list_batches(settings, without_mark(parameter["Value"]).strip(), self.now - timedelta(hours=24))

    @cached_property
    def states(self) -> dict[str, ModelState]:
        """The health of the models, as the stack has recorded it."""
        return self.connection.runtime.stores.model_health.states(self.policy.catalog.models)


def configured_models(policy: RoutingPolicy) -> list[str]:
    """Return the models in the chains of `openclaw.json`, in the order of the tiers."""
    return list(dict.fromkeys(model for tier in Tier for model in policy.chain(tier)))


class FindingState(StrEnum):
    """Whether there is something to do."""

    OK = "ok"
    TO_DO = "to do"
    UNCHECKED = "not checked"
    """The check could not run, or does not apply here. Never counted as ok."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    check: str
    """The kind of thing that was checked, such as `queue`."""
    subject: str
    """The thing itself, such as `tasks`."""
    state: FindingState
    says: str
    """The observation, or why there is none."""
    do: str | None = None
    """The next step. None unless the state is `to do`."""


def ok(check: str, subject: str, says: str) -> Finding:
    """Return a finding that needs no action."""
    return Finding(check, subject, FindingState.OK, says)


def to_do(check: str, subject: str, says: str, do: str) -> Finding:
    """Return a finding that needs action."""
    return Finding(check, subject, FindingState.TO_DO, says, do)


def unchecked(check: str, subject: str, why: str) -> Finding:
    """Return that the check did not run, and why."""
    return Finding(check, subject, FindingState.UNCHECKED, why)
