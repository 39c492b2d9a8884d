"""Who serves a task: the models of its tier in order, with successors for the ones that are gone."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from pointsman.routing.catalog import Billing, Catalog, Model, Provider, Quota
from pointsman.routing.config import OpenClaw
from pointsman.values.taxonomy import Tier


@dataclass(frozen=True, slots=True)
class Hop:
    """One model of a plan, the function that calls it, and the tier whose budget pays."""

    model: str
    function: Tier
    """Each tier's function has the tier's name."""
    tier: Tier


@dataclass(frozen=True, slots=True)
class RoutingPolicy:
    """The rules of who serves, over one configuration."""

    config: OpenClaw
    catalog: Catalog

    def billing(self, model: Model) -> Billing:
        """Return whether a call to the model is free or paid."""
        options = self.config.pointsman
        listed = model.id in options.free_models or not model.free_when_listed
        billed = options.gemini_billing == "linked" and model.provider is Provider.GEMINI and not model.free_only
        free = model.free_tier is not None and listed and not billed and model.id not in options.paid_models
        return Billing.FREE if free else Billing.PAID

    def is_free(self, model_id: str) -> bool:
        """Return whether a call to the model is free; one that the catalogue no longer lists is not."""
        model = self.catalog.models.get(model_id)
        return model is not None and self.billing(model) is Billing.FREE

    def has_batches(self, model: Model) -> bool:
        """Return whether the model's calls can be made in batches at half price (docs/decisions.md: Claude's alone)."""
        return model.provider is Provider.ANTHROPIC and self.billing(model) is Billing.PAID

    def quota(self, model: Model) -> Quota | None:
        """Return the limits to keep for the model: the configured ones, else those of its free tier."""
        if limits := self.config.pointsman.quotas.get(model.id):
            return Quota(limits.rpm, limits.tpm, limits.rpd)
        return model.free_tier if self.billing(model) is Billing.FREE else None

    def sharing_account(self, model: Model) -> tuple[str, ...]:
        """Return the other models in use that the same API key serves."""
        others = (self.catalog.get(name) for name in self.in_use() if name != model.id)
        return tuple(other.id for other in others if other.provider is model.provider)

    def resolve(self, model_id: str, now: datetime, gone: Collection[str] = ()) -> Model:
        """Return the model, or its successor when it has ended or `gone` names it (as a provider's answer said)."""
        model = self.catalog.get(model_id)
        while model.successor and (model.has_ended(now.date()) or model.id in gone):
            model = self.catalog.get(model.successor)
        return model

    def chain(self, tier: Tier) -> list[str]:
        """Return the tier's models as configured, successors not yet looked at.

        Without a stated chain: the tier's model, then for orchestration the implementation tier's, and for
        implementation the reasoning tier's.
        """
        routing = self.config.routing
        if models := self.config.pointsman.chains.get(tier):
            return list(dict.fromkeys(models))
        following = {
            Tier.ORCHESTRATION: [Tier.IMPLEMENTATION],
            Tier.IMPLEMENTATION: [Tier.REASONING],
            Tier.REASONING: [],
        }
        return list(dict.fromkeys(routing.of(following_tier) for following_tier in [tier, *following[tier]]))

    def in_use(self) -> list[str]:
        """Return the models that may serve any task: all chains' models, and their successors."""
        names = [model_id for tier in Tier for model_id in self.chain(tier)]
        for model_id in names:  # grows as it is gone through
            if (successor := self.catalog.get(model_id).successor) and successor not in names:
                names.append(successor)
        return list(dict.fromkeys(names))

    def plan(self, tier: Tier, now: datetime, *, private: bool, gone: Collection[str] = ()) -> list[Hop]:
        """Return the hops of a task of that tier; empty when no model may serve it (a private task on free models).

        The first hop is free to be of either billing; after it, free to paid only where configured, paid to free never.
        """
        hops: list[Hop] = []
        last: Billing | None = self.billing(self.catalog.get(self.chain(tier)[0]))
        for model_id in self.chain(tier):
            model = self.resolve(model_id, now, gone)
            billing = self.billing(model)
            if (private and billing is Billing.FREE) or any(hop.model == model.id for hop in hops):
                continue
            if not private and not self.may_follow(tier, last, billing):
                continue
            hops.append(self.hop(model, tier))
            last = billing
        return hops

    def may_follow(self, tier: Tier, before: Billing | None, after: Billing) -> bool:
        """Return whether a task of the tier may go from a model of one billing to one of the other."""
        if before is None or before is after:
            return True
        return before is Billing.FREE and tier in self.config.pointsman.free_to_paid

    def above(self, here: Hop, now: datetime, *, private: bool) -> Hop | None:
        """Return the first model of the next dearer tier, which pays for it; None when there is none.

        A tier whose first model is the one `here` is passed over, as after a fallback to it.
        """
        for tier in list(Tier)[list(Tier).index(here.tier) + 1 :]:
            first = next(iter(self.plan(tier, now, private=private)), None)
            if first and first.model != here.model:
                before, after = (self.billing(self.catalog.get(hop.model)) for hop in (here, first))
                return first if self.may_follow(here.tier, before, after) else None
        return None

    def free_hop(self, now: datetime) -> Hop | None:
        """Return the orchestration tier's first free model; None when it has none."""
        hops = self.plan(Tier.ORCHESTRATION, now, private=False)
        return next((hop for hop in hops if self.billing(self.catalog.get(hop.model)) is Billing.FREE), None)

    def hop(self, model: Model, tier: Tier) -> Hop:
        """Return the hop to `model` for a task of `tier`: Gemini runs in the orchestration function."""
        if model.provider is Provider.GEMINI:
            return Hop(model.id, Tier.ORCHESTRATION, tier)
        return Hop(model.id, Tier.REASONING if tier is Tier.REASONING else Tier.IMPLEMENTATION, tier)
