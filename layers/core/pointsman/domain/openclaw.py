"""`openclaw.json`, the one file that a user edits: its shape, its defaults and its errors."""

import difflib
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pointsman.domain import catalogue, strict_json
from pointsman.domain.taxonomy import Tier

type Usd = Annotated[Decimal, Field(ge=0, le=1_000_000)]
type WhenExhausted = Literal["degrade", "hold", "refuse"]


class ConfigError(ValueError):
    """`openclaw.json` or an override says something that cannot be: the message names the key and the choices."""


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Agent(_Shape):
    """An agent of the team and the model that it asks for."""

    model: str
    description: str = ""


class Routing(_Shape):
    """The model that serves each tier first."""

    orchestration: str
    implementation: str
    reasoning: str

    def of(self, tier: Tier) -> str:
        """Return the tier's first model."""
        return str(getattr(self, tier))


class Caps(_Shape):
    """Hard caps in USD; None: none. Days and months are those of the report's time zone."""

    day_usd: Usd | None = None
    month_usd: Usd | None = None


class Budget(_Shape):
    """The caps over everything and per tier, and what becomes of a task whose budget is used up."""

    day_usd: Usd | None = None
    month_usd: Usd | None = Decimal(5)
    tiers: dict[Tier, Caps] = Field(default_factory=dict)
    when_exhausted: WhenExhausted | dict[Tier, WhenExhausted] = "refuse"

    def policy(self, tier: Tier) -> WhenExhausted:
        """Return what the tier does when its budget is used up."""
        if isinstance(self.when_exhausted, str):
            return self.when_exhausted
        return self.when_exhausted.get(tier, "refuse")


class QuotaLimits(_Shape):
    """A model's free tier as AI Studio shows it for your project; None: no limit of that kind."""

    rpm: Annotated[int, Field(ge=1)] | None = None
    tpm: Annotated[int, Field(ge=1)] | None = None
    rpd: Annotated[int, Field(ge=1)] | None = None


class Classifier(_Shape):
    """How tasks without `tier` and `type` are decided."""

    mode: Literal["local_first", "gemini"] = "local_first"
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    """Probability of the tier from which the local verdict stands; None: the one measured with its weights."""


class Pointsman(_Shape):
    """Everything optional."""

    chains: dict[Tier, Annotated[list[str], Field(min_length=1, max_length=8)]] = Field(default_factory=dict)
    """Models of a tier in the order they are tried."""
    budget: Budget = Field(default_factory=Budget)
    quotas: dict[str, QuotaLimits] = Field(default_factory=dict)
    paid_models: list[str] = Field(default_factory=list)
    """Models with a free tier whose key is on a paid plan: billed at list price, without the free tier's quota."""
    free_to_paid: list[Tier] = Field(default_factory=lambda: [Tier.ORCHESTRATION])
    """Tiers whose tasks may fall from a free model to a paid one."""
    baseline: str | None = None
    """The model that everything would run on otherwise; None: the reasoning tier's."""
    classifier: Classifier = Field(default_factory=Classifier)


class OpenClaw(_Shape):
    """The file as a whole."""

    agents: dict[str, Agent] = Field(default_factory=dict)
    routing: Routing
    pointsman: Pointsman = Field(default_factory=Pointsman)

    @property
    def baseline(self) -> str:
        """The model that costs are compared with."""
        return self.pointsman.baseline or self.routing.reasoning


def parse(text: str, overrides: Mapping[Tier, str] | None = None) -> OpenClaw:
    """Return the configuration in `text`, each tier's model replaced where `overrides` names one.

    Raises:
        ConfigError: broken JSON, an unknown key, a value out of range or a model that the catalogue does not know.
    """
    try:
        fields = strict_json.loads(text)
    except strict_json.NotStrictJson as error:
        raise ConfigError(f"openclaw.json: {error}") from None
    try:
        config = OpenClaw.model_validate(fields)
    except ValidationError as error:
        raise ConfigError("openclaw.json: " + "; ".join(_explain(problem) for problem in error.errors())) from None
    for where, model_id in _models_named(config):
        _known(f"openclaw.json: {where}", model_id)
    for tier, model_id in (overrides or {}).items():
        _known(f"MODEL_OVERRIDE_{tier.upper()}", model_id)
    if not overrides:
        return config
    routing = config.routing.model_copy(update={str(tier): model_id for tier, model_id in overrides.items()})
    stated = config.pointsman.chains
    chains = {tier: [overrides.get(tier, chain[0]), *chain[1:]] for tier, chain in stated.items()}
    own = config.pointsman.model_copy(update={"chains": chains})
    return config.model_copy(update={"routing": routing, "pointsman": own})


def _models_named(config: OpenClaw) -> list[tuple[str, str]]:
    own = config.pointsman
    named = [(f"agents.{name}.model", agent.model) for name, agent in config.agents.items()]
    named += [(f"routing.{tier}", config.routing.of(tier)) for tier in Tier]
    named += [(f"pointsman.chains.{tier}", model_id) for tier, chain in own.chains.items() for model_id in chain]
    named += [("pointsman.quotas", model_id) for model_id in own.quotas]
    named += [("pointsman.paid_models", model_id) for model_id in own.paid_models]
    if own.baseline:
        named.append(("pointsman.baseline", own.baseline))
    return named


def _known(where: str, model_id: str) -> None:
    known = catalogue.load().models
    if model_id in known:
        return
    close = difflib.get_close_matches(model_id, known, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise ConfigError(f"{where}: unknown model {model_id!r}{hint}; choose from {', '.join(known)}")


def _explain(problem: Any) -> str:
    path, kind = [str(part) for part in problem["loc"]], problem["type"]
    where = ".".join(path) or "the file"
    if kind == "extra_forbidden":
        choices = _choices(path[:-1])
        close = difflib.get_close_matches(path[-1], choices, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        return f"unknown key {where!r}{hint}; choose from {', '.join(choices)}"
    if kind == "missing":
        return f"key {where!r} is required"
    return f"{where}: {problem['msg'].removeprefix('Value error, ')}"


def _choices(path: list[str]) -> list[str]:
    """Return the keys that may stand in the object at `path`."""
    shapes: dict[str, type[BaseModel]] = {
        "routing": Routing,
        "pointsman": Pointsman,
        "pointsman.budget": Budget,
        "pointsman.classifier": Classifier,
    }
    if path[:1] == ["agents"]:
        return list(Agent.model_fields)
    if path[:2] == ["pointsman", "quotas"]:
        return list(QuotaLimits.model_fields)
    if path[:3] == ["pointsman", "budget", "tiers"]:
        return list(Caps.model_fields)
    return list(shapes.get(".".join(path), OpenClaw).model_fields)
