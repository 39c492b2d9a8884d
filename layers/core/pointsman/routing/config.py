"""`openclaw.json`, the one file that a user edits: its shape, its defaults and its errors."""

import difflib
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    ValidationError,
    WithJsonSchema,
)

from pointsman.routing import catalog, openclaw_agents
from pointsman.routing.answer_rules import Checks
from pointsman.routing.config_shape import ConfigShape
from pointsman.routing.lanes import LaneOrRule, LaneRule, TypeOrSender
from pointsman.routing.limit_rules import LimitRule, Limits, Usd
from pointsman.routing.preference import WEIGHINGS, Preference
from pointsman.routing.quality_rules import QualityRules
from pointsman.values import strict_json
from pointsman.values.effort import Effort
from pointsman.values.limits import LARGEST_OUTPUT
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.text import without_mark

_TIERS_AND_TYPES = tuple(dict.fromkeys(str(name) for name in (*Tier, *TaskType)))


def _tier_or_type(name: str) -> str:
    if name not in _TIERS_AND_TYPES:
        raise ValueError(f"must be a tier or a type: {', '.join(_TIERS_AND_TYPES)}")
    return name


type TierWeight = Annotated[float, Field(ge=0.5, le=2)]
type OutputCap = Annotated[int, Field(ge=1, le=LARGEST_OUTPUT)]
type TierOrType = Annotated[
    str, AfterValidator(_tier_or_type), WithJsonSchema({"type": "string", "enum": list(_TIERS_AND_TYPES)})
]
"""A name that is both, `orchestration`, is the tier's; its type of that name follows the tier."""
type WhenExhausted = Literal["degrade", "hold", "refuse"]


class ConfigError(ValueError):
    """`openclaw.json` or an override says something that cannot be: the message names the key and the choices."""


class Agent(ConfigShape):
    """An agent of the team and the model that it asks for."""

    model: str
    description: str = ""


class Routing(ConfigShape):
    """The model that serves each tier first."""

    orchestration: str
    implementation: str
    reasoning: str

    def of(self, tier: Tier) -> str:
        """Return the tier's first model."""
        return str(getattr(self, tier))


class Caps(ConfigShape):
    """Hard caps in USD; None: none. Days and months are those of the report's time zone."""

    day_usd: Usd | None = None
    month_usd: Usd | None = None


class Budget(ConfigShape):
    """The caps over everything and per tier, and what becomes of a task whose budget is used up."""

    day_usd: Usd | None = None
    month_usd: Usd | None = Decimal(5)
    tiers: dict[Tier, Caps] = Field(default_factory=dict)
    when_exhausted: WhenExhausted | dict[Tier, WhenExhausted] = "refuse"

    def when_exhausted_for(self, tier: Tier) -> WhenExhausted:
        """Return what the tier does when its budget is used up."""
        if isinstance(self.when_exhausted, str):
            return self.when_exhausted
        return self.when_exhausted.get(tier, "refuse")


class QuotaLimits(ConfigShape):
    """A model's free tier as AI Studio shows it for your project; None: no limit of that kind."""

    rpm: Annotated[int, Field(ge=1)] | None = None
    tpm: Annotated[int, Field(ge=1)] | None = None
    rpd: Annotated[int, Field(ge=1)] | None = None


class Classifier(ConfigShape):
    """How tasks without `tier` and `type` are decided."""

    mode: Literal["local_first", "gemini"] = "local_first"
    prefer: Preference = Preference.BALANCE
    """What unsure decisions lean to: quality (a dearer tier), cost (a cheaper one), or neither."""
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    """Probability of the tier from which the local verdict stands; None: one per tier, by `prefer`."""
    ask_free: bool = True
    """Whether free models, which may learn from what they are sent, are asked about undecided tasks."""
    tiers: dict[TaskType, Tier] = Field(default_factory=dict)
    """The tier of tasks that are found to be of a type, where it is not the type's own (`taxonomy.TIER_OF`)."""
    weights: dict[Tier, TierWeight] = Field(default_factory=dict)
    """What the local classifier's probability of a tier is multiplied by; `pointsman tune` proposes it. Absent: 1."""

    def needed(self, tier: Tier) -> float:
        """Return the probability from which a local verdict on that tier stands."""
        return WEIGHINGS[self.prefer].needed(tier) if self.threshold is None else self.threshold


class Audit(ConfigShape):
    """The sample of answered tasks that the baseline answers too, for people to compare."""

    share: Annotated[float, Field(ge=0, le=1)] = 0.0
    model: str | None = None
    """None: the baseline."""


class Pointsman(ConfigShape):
    """Everything optional."""

    chains: dict[Tier, Annotated[list[str], Field(min_length=1, max_length=8)]] = Field(default_factory=dict)
    """Models of a tier in the order they are tried."""
    budget: Budget = Field(default_factory=Budget)
    limits: Limits = Field(default_factory=Limits)
    """Limits of senders, agents and tickets, and of the subtasks of one answer."""
    quotas: dict[str, QuotaLimits] = Field(default_factory=dict)
    paid_models: list[str] = Field(default_factory=list)
    """Models with a free tier whose key is on a paid plan: billed at list price, without the free tier's quota."""
    free_models: list[str] = Field(default_factory=list)
    """Models whose free tier counts only where they stand here: `gemini-3.8-flash`, with 20 requests a day."""
    gemini_billing: Literal["none", "linked"] | None = None
    """Whether the Gemini key's project is linked to billing: then all its calls are paid. Absent: taken for free."""
    free_to_paid: list[Tier] = Field(default_factory=lambda: [Tier.ORCHESTRATION])
    """Tiers whose tasks may fall from a free model to a paid one."""
    patience_seconds: Annotated[float, Field(ge=0, le=86_400)] = 60
    """How long a task waits at a provider's word before it goes on to the next model of its chain."""
    baseline: str | None = None
    """The model that everything would run on otherwise; None: the reasoning tier's."""
    classifier: Classifier = Field(default_factory=Classifier)
    effort: dict[TierOrType, Effort] = Field(default_factory=dict)
    """How much the models may think, by tier or type: the type's counts first. Absent: the provider's default."""
    output_caps: dict[TierOrType, OutputCap] = Field(default_factory=dict)
    """Output tokens of a call, thinking included, by tier or type; absent: `output_room.DEFAULT_OUTPUT_CAPS`."""
    lanes: dict[TypeOrSender, LaneOrRule] = Field(default_factory=dict)
    """The lane of tasks that state none, by type or sender: the sender's counts first. Absent: standard."""
    verify: dict[TaskType, Checks] = Field(default_factory=dict)
    """Checks of the answers to tasks of a type."""
    audit: Audit = Field(default_factory=Audit)
    quality: QualityRules | None = None
    """None: nobody judges the audit's pairs, and no quality is shown."""

    def effort_of(self, tier: Tier, kind: TaskType | None) -> Effort | None:
        """Return the effort of a task that does not state one; None: the provider's default."""
        return _by_tier_or_type(self.effort, tier, kind)

    def output_cap_of(self, tier: Tier, kind: TaskType | None) -> int | None:
        """Return the output cap of a task that does not state one; None: the default."""
        return _by_tier_or_type(self.output_caps, tier, kind)


def _by_tier_or_type[Setting](settings: Mapping[str, Setting], tier: Tier, kind: TaskType | None) -> Setting | None:
    of_type = settings.get(kind) if kind and kind not in [str(name) for name in Tier] else None
    return settings.get(tier) if of_type is None else of_type


class OpenClaw(ConfigShape):
    """The file as a whole."""

    agents: dict[str, Agent] = Field(default_factory=dict)
    routing: Routing
    pointsman: Pointsman = Field(default_factory=Pointsman)

    @property
    def baseline(self) -> str:
        """The model that costs are compared with."""
        return self.pointsman.baseline or self.routing.reasoning

    @property
    def audit_model(self) -> str:
        """The model that answers the sample."""
        return self.pointsman.audit.model or self.baseline


def parse(text: str, overrides: Mapping[Tier, str] | None = None) -> OpenClaw:
    """Return the configuration in `text`, each tier's model replaced where `overrides` names one.

    The text has Pointsman's shape, or the one that OpenClaw itself accepts (`openclaw_agents`).

    Raises:
        ConfigError: broken JSON, an unknown key, a value out of range or a model that the catalogue does not know.
    """
    try:
        fields = strict_json.loads(without_mark(text))
    except strict_json.NotStrictJson as error:
        raise ConfigError(f"openclaw.json: {error}") from None
    options = "pointsman"
    if openclaw_agents.is_openclaws(fields):
        options = openclaw_agents.OPTIONS
        try:
            fields = openclaw_agents.translated(fields)
        except openclaw_agents.ShapeError as error:
            raise ConfigError(f"openclaw.json: {error}") from None
    try:
        config = OpenClaw.model_validate(fields)
    except ValidationError as error:
        problems = "; ".join(_explain(problem, options) for problem in error.errors())
        raise ConfigError(f"openclaw.json: {problems}") from None
    for where, model_id in _models_named(config):
        _known(f"openclaw.json: {_place(where, options)}", model_id)
    for model_id in config.pointsman.paid_models:
        if catalog.load_catalog().get(model_id).free_only:
            raise ConfigError(f"openclaw.json: {_place('pointsman.paid_models', options)}: {model_id} has no paid tier")
    _check_judges(config, options)
    for tier, model_id in (overrides or {}).items():
        _known(f"MODEL_OVERRIDE_{tier.upper()}", model_id)
    if not overrides:
        return config
    routing = config.routing.model_copy(update={str(tier): model_id for tier, model_id in overrides.items()})
    chains_in_file = config.pointsman.chains
    chains = {tier: [overrides.get(tier, chain[0]), *chain[1:]] for tier, chain in chains_in_file.items()}
    options_with_chains = config.pointsman.model_copy(update={"chains": chains})
    return config.model_copy(update={"routing": routing, "pointsman": options_with_chains})


def options_path(text: str) -> tuple[str, ...]:
    """Return the keys on the way to Pointsman's options in a valid file, whichever shape it has."""
    is_openclaws = openclaw_agents.is_openclaws(strict_json.loads(without_mark(text)))
    return tuple(openclaw_agents.OPTIONS.split(".")) if is_openclaws else ("pointsman",)


def _models_named(config: OpenClaw) -> list[tuple[str, str]]:
    options = config.pointsman
    named = [(f"agents.{name}.model", agent.model) for name, agent in config.agents.items()]
    named += [(f"routing.{tier}", config.routing.of(tier)) for tier in Tier]
    named += [(f"pointsman.chains.{tier}", model_id) for tier, chain in options.chains.items() for model_id in chain]
    named += [("pointsman.quotas", model_id) for model_id in options.quotas]
    named += [("pointsman.paid_models", model_id) for model_id in options.paid_models]
    named += [("pointsman.free_models", model_id) for model_id in options.free_models]
    if options.baseline:
        named.append(("pointsman.baseline", options.baseline))
    if options.audit.model:
        named.append(("pointsman.audit.model", options.audit.model))
    if options.quality:
        named += [("pointsman.quality.judges", model_id) for model_id in options.quality.judges]
    return named


def _check_judges(config: OpenClaw, options: str) -> None:
    judges = config.pointsman.quality.judges if config.pointsman.quality else []
    models = [catalog.load_catalog().get(model_id) for model_id in judges]
    if len({model.provider for model in models}) < len(models):
        where = _place("pointsman.quality.judges", options)
        raise ConfigError(f"openclaw.json: {where}: {' and '.join(judges)} are of one provider; name one judge of each")


def _known(where: str, model_id: str) -> None:
    models = catalog.load_catalog().models
    if model_id in models:
        return
    close = difflib.get_close_matches(model_id, models, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise ConfigError(f"{where}: unknown model {model_id!r}{hint}; choose from {', '.join(models)}")


def _place(where: str, options: str) -> str:
    """Return where a key stands in the file: in OpenClaw's shape, `options` are elsewhere than at the top."""
    top, dot, rest = where.partition(".")
    return f"{options}{dot}{rest}" if top == "pointsman" else where


def _explain(problem: Any, options: str) -> str:
    path, kind = [str(part) for part in problem["loc"]], problem["type"]
    path = [part for part in path if part != "[key]"]
    where = _place(".".join(path), options) or "the file"
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
        "pointsman.audit": Audit,
        "pointsman.quality": QualityRules,
        "pointsman.limits": Limits,
    }
    if path[:1] == ["agents"]:
        return list(Agent.model_fields)
    if path[:2] == ["pointsman", "quotas"]:
        return list(QuotaLimits.model_fields)
    if path[:3] == ["pointsman", "limits", "rules"]:
        return list(LimitRule.model_fields)
    if path[:2] == ["pointsman", "lanes"]:
        return list(LaneRule.model_fields)
    if path[:2] == ["pointsman", "verify"]:
        return list(Checks.model_fields)
    if path[:3] == ["pointsman", "budget", "tiers"]:
        return list(Caps.model_fields)
    return list(shapes.get(".".join(path), OpenClaw).model_fields)
