"""The whole of a tuning: evidence, proposal, its effects, and the change to `openclaw.json`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from pointsman.report.figures.quality import Quality
from pointsman.routing import config
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import Tier
from pointsman_cli.tuning import candidates, edit
from pointsman_cli.tuning.by_quality import tiers_by_quality
from pointsman_cli.tuning.candidates import Candidate
from pointsman_cli.tuning.effects import Effects, effects
from pointsman_cli.tuning.evidence import Ground, TuningEvidence, need, servers, tally
from pointsman_cli.tuning.proposal import Proposal, propose
from pointsman_cli.tuning.rules import Rules
from pointsman_cli.tuning.thinking import ThinkingFinding, thinking_findings
from pointsman_cli.tuning.weights import Judged


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
    """None: no rule is proposed."""
    thinking: tuple[ThinkingFinding, ...]
    file: str
    """The name of the `openclaw.json` that was looked at."""
    diff: str
    only_reasoning: list[Candidate]
    could_go_down: list[Candidate]

    @property
    def empty(self) -> bool:
        """Whether nothing is proposed."""
        return self.proposal.empty and not any(finding.proposed for finding in self.thinking)


def propose_tuning(
    evidence: TuningEvidence,
    policy: RoutingPolicy,
    config_text: str,
    name: str,
    own_texts: Callable[[], Sequence[Judged]] = lambda: (),
    quality: Mapping[Tier, Quality] = MappingProxyType({}),
) -> Tuned:
    """Return what the evidence says of the configuration in a text; `name` is that of its file, `own_texts` are the
    project's, on which no proposal may do worse; `quality` is that of each tier's answers.
    """
    serves, seen = servers(policy), evidence.seen
    needs = {task.task_id: found for task in seen if (found := need(task, serves))}
    now = Rules.of(policy.config.pointsman.classifier)
    known = [(task, needs[task.task_id]) for task in seen if task.task_id in needs]
    proposal = propose(known, now, own_texts, tiers_by_quality(quality, now, serves))
    needing_more = {finding.type for finding in proposal.types if finding.needed_dearer.hits}
    thinking = thinking_findings(seen, policy, needing_more)
    return Tuned(
        tasks=len(seen),
        stated=sum(not task.classified for task in seen),
        unreadable=evidence.unreadable,
        grounds=tally([needs.get(task.task_id) for task in seen if task.classified]),
        booked_nano=sum(task.booked_nano for task in seen),
        proposal=proposal,
        effects=None if proposal.empty else effects(seen, needs, now, proposal.rules, policy),
        thinking=thinking,
        file=name,
        diff=edit.diff(config_text, changed(config_text, proposal, thinking), name),
        only_reasoning=candidates.only_reasoning(seen, serves, policy),
        could_go_down=candidates.could_go_down(seen, now, policy),
    )


def changed(config_text: str, made: Proposal, thinking: Iterable[ThinkingFinding] = ()) -> str:
    """Return the text of `openclaw.json` with what is proposed.

    Raises:
        ConfigError: the result would not load.
    """
    options = config.options_path(config_text)
    path = (*options, "classifier")
    text = config_text
    if made.rules.threshold is not None and made.rules.threshold != made.now.threshold:
        text = edit.put(text, (*path, "threshold"), made.rules.threshold)
    if made.rules.weights != made.now.weights:
        text = edit.put(text, (*path, "weights"), dict(made.rules.weights))
    for type_finding in made.types:
        if type_finding.proposed:
            text = edit.put(text, (*path, "tiers", type_finding.type), type_finding.proposed)
    for thinking_finding in thinking:
        if thinking_finding.proposed:
            text = edit.put(text, (*options, "effort", thinking_finding.type), thinking_finding.proposed)
    config.parse(text)
    return text
