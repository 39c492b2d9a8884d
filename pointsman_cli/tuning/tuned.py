"""The whole of a tuning: evidence, proposal, its effects, and the change to `openclaw.json`."""

from dataclasses import dataclass

from pointsman.routing import config
from pointsman.routing.classifier.local import LocalClassifier
from pointsman.routing.policy import RoutingPolicy
from pointsman_cli.tuning import candidates, edit
from pointsman_cli.tuning.candidates import Candidate
from pointsman_cli.tuning.effects import Effects, effects
from pointsman_cli.tuning.evidence import Evidence, Ground, need, servers, tally
from pointsman_cli.tuning.proposal import Proposal, propose
from pointsman_cli.tuning.rules import Rules


@dataclass(frozen=True, slots=True)
class Tuned:
    """What `pointsman tune` says."""

    tasks: int
    stated: int
    """Tasks whose senders chose tier or type."""
    unreadable: int
    grounds: dict[Ground, int]
    """Of the tasks that were classified."""
    booked_nano: int
    """What all attempts of these tasks cost."""
    proposal: Proposal
    effects: Effects | None
    """None: nothing is proposed."""
    file: str
    """The name of the `openclaw.json` that was looked at."""
    diff: str
    only_reasoning: list[Candidate]
    could_go_down: list[Candidate]


def tune(evidence: Evidence, policy: RoutingPolicy, config_text: str, name: str) -> Tuned:
    """Return what the evidence says of the configuration in a text; `name` is that of its file."""
    serves, seen = servers(policy), evidence.seen
    needs = {each.task_id: found for each in seen if (found := need(each, serves))}
    now = Rules.of(policy.config.pointsman.classifier, LocalClassifier.load().threshold)
    made = propose([(each, needs[each.task_id]) for each in seen if each.task_id in needs], now)
    return Tuned(
        tasks=len(seen),
        stated=sum(not each.classified for each in seen),
        unreadable=evidence.unreadable,
        grounds=tally([needs.get(each.task_id) for each in seen if each.classified]),
        booked_nano=sum(each.booked_nano for each in seen),
        proposal=made,
        effects=None if made.empty else effects(seen, needs, now, made.rules, policy),
        file=name,
        diff=edit.diff(config_text, changed(config_text, made), name),
        only_reasoning=candidates.only_reasoning(seen, serves, policy),
        could_go_down=candidates.could_go_down(seen, now.threshold, policy),
    )


def changed(config_text: str, made: Proposal) -> str:
    """Return the text of `openclaw.json` with what is proposed.

    Raises:
        ConfigError: the result would not load.
    """
    own = (*config.options_path(config_text), "classifier")
    text = config_text
    if made.rules.threshold != made.now.threshold:
        text = edit.put(text, (*own, "threshold"), made.rules.threshold)
    for each in made.types:
        if each.proposed:
            text = edit.put(text, (*own, "tiers", each.type), each.proposed)
    config.parse(text)
    return text
