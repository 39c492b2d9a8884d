"""The stack under examination, and what more than one check wants to know of it."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from pointsman.execution.model_health import ModelState
from pointsman.routing.catalog import Provider
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import Tier
from pointsman_cli.doctor.providers import Heard, hear
from pointsman_cli.stacks import StackConnection

KEY_VARIABLES = {Provider.GEMINI: "gemini_key_parameter", Provider.ANTHROPIC: "anthropic_key_parameter"}
"""The settings that name each provider's SecureString."""


@dataclass(frozen=True)
class StackProbe:
    """A stack, the time, and how closely to look."""

    target: StackConnection
    now: datetime
    asks: bool
    """Whether the providers are asked about keys and models, which costs nothing."""
    compares: bool
    """Whether CloudFormation is to compare the resources with the template anew."""

    @property
    def local(self) -> bool:
        """Whether it is an emulator on this machine, by `pointsman up` or by AWS_ENDPOINT_URL."""
        return urlsplit(self.client("cloudformation").meta.endpoint_url).hostname in ("127.0.0.1", "localhost")

    @property
    def policy(self) -> RoutingPolicy:
        """The rules of who serves."""
        return self.target.runtime.context.policy

    def client(self, service: str) -> Any:
        """Return an AWS client."""
        return self.target.clients.client(service)

    @cached_property
    def described(self) -> dict[str, Any]:
        """CloudFormation's answer about the stack, with the headers that it came with."""
        answer: dict[str, Any] = self.client("cloudformation").describe_stacks(StackName=self.target.stack_name)
        return answer

    @cached_property
    def stored(self) -> dict[str, dict[str, Any]]:
        """Parameter Store's answer about the keys, by name; with their values only when the providers are asked."""
        settings = self.target.settings
        names = [str(getattr(settings, field)) for field in KEY_VARIABLES.values()]
        names += [settings.webhook_key_parameter] if settings.hosts_of_webhooks else []
        answer = self.client("ssm").get_parameters(Names=names, WithDecryption=self.asks)
        return {parameter["Name"]: parameter for parameter in answer["Parameters"]}

    @cached_property
    def heard(self) -> dict[str, Heard]:
        """What the providers say of the models that are configured, by model; empty when they are not asked."""
        if not self.asks:
            return {}
        settings, answers = self.target.settings, {}
        for provider, field in KEY_VARIABLES.items():
            stored = self.stored.get(getattr(settings, field))
            models = [name for name in configured(self.policy) if provider is self._provider(name)]
            if stored and models:
                answers.update(hear(provider, settings, stored["Value"].strip(), models))
        return answers

    @cached_property
    def states(self) -> dict[str, ModelState]:
        """What the stack's instances have learnt of the models."""
        return self.target.runtime.stores.model_health.states(self.policy.catalog.models)

    def _provider(self, model: str) -> Provider:
        return self.policy.catalog.get(model).provider


def configured(policy: RoutingPolicy) -> list[str]:
    """Return the models that `openclaw.json` names for work, in the order of the tiers."""
    return list(dict.fromkeys(model for tier in Tier for model in policy.chain(tier)))
