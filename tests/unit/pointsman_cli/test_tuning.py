"""`pointsman tune`: what evidence leads to, and what it does not."""

import json
import random
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.execution.outcome import GOOD, Outcome
from pointsman.report.figures import ledger_entries
from pointsman.report.figures.ledger_entries import LedgerEntry
from pointsman.routing import config as openclaw
from pointsman.routing.catalog import load_catalog
from pointsman.routing.classifier.verdict import Classification, reweighed
from pointsman.routing.decision import Source
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import TIER_OF, TaskType, Tier
from pointsman.values.times import to_text
from pointsman.values.usage import Usage
from pointsman_cli.evaluation.examples import Example
from pointsman_cli.tuning import edit
from pointsman_cli.tuning.by_quality import TierByQuality
from pointsman_cli.tuning.candidates import could_go_down, only_reasoning
from pointsman_cli.tuning.effects import Cost, effects
from pointsman_cli.tuning.evidence import Ground, Need, TaskOutcome, TuningEvidence, fell_short, need, servers
from pointsman_cli.tuning.proposal import Proposal, propose
from pointsman_cli.tuning.rate import LEAST, LEAST_TO_RAISE, TARGET
from pointsman_cli.tuning.rules import Rules
from pointsman_cli.tuning.tuned import changed, propose_tuning
from pointsman_cli.tuning.weights import Judged, WeightsFinding, weigh_tiers
from tests.support.paths import ROOT

FLASH, HAIKU, SONNET = "gemini-3.5-flash-lite", "claude-haiku-5-5", "claude-sonnet-5-5"
MODEL_OF = dict(zip(Tier, (FLASH, HAIKU, SONNET), strict=True))
SHIPPED = (ROOT / "openclaw.json").read_text()
POINTS = RoutingPolicy(openclaw.parse(SHIPPED), load_catalog())
SERVES = servers(POINTS)
ORCHESTRATION, IMPLEMENTATION, REASONING = Tier
NOW = Rules(0.8, {})
SILENT, ESCALATED = Need(ORCHESTRATION, Ground.SILENCE), Need(IMPLEMENTATION, Ground.ESCALATED)
TO_GEMINI = Rules(0.8, {TaskType.DOCUMENTATION: ORCHESTRATION})
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
TOKENS = Usage(input=10_000, output=2_000)
HAIKU_NANO, SONNET_NANO = 10_000 * 100 + 2_000 * 500, 10_000 * 2_000 + 2_000 * 10_000


def attempt(model: str, outcome: Outcome = Outcome.ANSWERED, usage: Usage = TOKENS) -> LedgerEntry:
    billed = usage if outcome in GOOD else Usage()
    row = {
        "kind": "attempt",
        "row": f"{to_text(AT)}#t#000001.000001",
        "task_id": "t",
        "turn": "000001.000001",
        "purpose": "task",
        "tier": str(SERVES[model]),
        "model": model,
        "billed_model": model,
        "billing": "free" if model == FLASH else "paid",
        "outcome": str(outcome),
        "cost_nano": 0 if model == FLASH else load_catalog().get(model).cost_nano(billed, AT),
        **billed.as_dict(),
    }
    return ledger_entries.read_entries([row])[0][0]


def task(
    kind: TaskType,
    *attempts: LedgerEntry,
    says: TaskType | None = None,
    sure: float = 0.9,
    to: TaskType | None = None,
    **stated: Any,
) -> TaskOutcome:
    """Return a task decided as `kind`, of which the local classifier `says` something, corrected `to` another type."""
    kind_said = says or kind
    verdict = Classification(kind_said, sure, (), kind_said, TIER_OF[kind_said], sure, TIER_OF[kind_said])
    fields: dict[str, Any] = {
        "task_id": "t",
        "text": "how is it",
        "private": False,
        "tier": TIER_OF[kind],
        "source": Source.LOCAL if sure >= NOW.level else Source.GEMINI,
        "confidence": 0.9,
        "corrected": (to, TIER_OF[to]) if to else None,
        "attempts": attempts or (attempt(MODEL_OF[TIER_OF[kind]]),),
    }
    return TaskOutcome(**{**fields, "type": kind, "verdict": verdict, **stated})


def made(seen: Sequence[TaskOutcome], now: Rules = NOW) -> Proposal:
    return propose([(outcome_seen, found) for outcome_seen in seen if (found := need(outcome_seen, SERVES))], now)


def test_a_model_stands_for_its_tier_and_so_do_its_successor_and_predecessor() -> None:
    assert [SERVES[model] for model in MODEL_OF.values()] == list(Tier)
    assert (SERVES["gemini-2.0-flash"], SERVES["claude-haiku-4-5"]) == (ORCHESTRATION, IMPLEMENTATION)
    assert "gemini-3.8-flash" not in SERVES
    everything = json.loads(SHIPPED) | {"routing": dict.fromkeys(Tier, SONNET)}
    assert servers(RoutingPolicy(openclaw.parse(json.dumps(everything)), load_catalog()))[SONNET] is REASONING


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (task(TaskType.STATUS), SILENT),
        (task(TaskType.STATUS, to=TaskType.ARCHITECTURE), Need(REASONING, Ground.CORRECTED)),
        (task(TaskType.STATUS, attempt(FLASH, Outcome.UNAVAILABLE)), None),
        (task(TaskType.STATUS, source=Source.GUESS), None),
        (task(TaskType.STATUS, attempt(FLASH, Outcome.TOO_LONG), attempt(HAIKU)), ESCALATED),
        (task(TaskType.STATUS, attempt(FLASH), attempt(HAIKU)), ESCALATED),
        (task(TaskType.STATUS, attempt(FLASH), attempt(HAIKU), passed=False), None),
        (task(TaskType.STATUS, attempt(FLASH, Outcome.UNAVAILABLE), attempt(HAIKU)), SILENT),
    ],
    ids=["silence", "corrected", "unanswered", "guess", "too long", "not accepted", "accepted by none", "outage"],
)  # fmt: skip
def test_what_is_known_of_the_tier_that_a_task_needed(seen: TaskOutcome, found: Need | None) -> None:
    assert need(seen, SERVES) == found


def test_what_fell_short_is_of_a_cheaper_tier_and_before_the_answer() -> None:
    refused, answer = attempt(HAIKU, Outcome.REFUSED), attempt(SONNET)
    assert fell_short(task(TaskType.DOCUMENTATION, refused, answer), SERVES) == (refused,)
    assert fell_short(task(TaskType.DOCUMENTATION, attempt(SONNET, Outcome.REFUSED), answer), SERVES) == ()
    assert fell_short(task(TaskType.DOCUMENTATION, refused), SERVES) == ()


@given(
    st.lists(
        st.tuples(st.sampled_from(TaskType), st.sampled_from(TaskType), st.floats(0, 1), st.booleans()), max_size=80
    )
)
def test_less_than_the_least_labels_never_move_the_threshold_or_lower_a_type(
    rows: list[tuple[TaskType, TaskType, float, bool]],
) -> None:
    labels = 0
    seen = []
    for kind, right, sure, says in rows:
        labels += says and labels < LEAST - 1
        seen.append(task(kind, sure=sure, to=right if says and labels < LEAST else None))
    corrected = [outcome_seen for outcome_seen in seen if outcome_seen.corrected][: LEAST - 1]
    result = made([*corrected, *(outcome_seen for outcome_seen in seen if not outcome_seen.corrected)])
    assert result.rules.threshold == NOW.threshold
    assert result.threshold is not None
    assert result.threshold.why.startswith("too thin: ")
    order = list(Tier)
    assert all(order.index(tier) > order.index(TIER_OF[kind]) for kind, tier in result.rules.tiers.items())


def test_nine_labels_are_too_thin_for_everything() -> None:
    record = made([task(TaskType.STATUS, to=TaskType.ARCHITECTURE)] * (LEAST_TO_RAISE - 1))
    assert record.empty
    assert [type_result.why for type_result in record.types] == ["too thin: 9 of 10 labels"]


def test_a_type_of_which_most_needed_reasoning_goes_there() -> None:
    record = made([task(TaskType.API_ENDPOINT, to=TaskType.COMPLEX_DEBUGGING)] * 12 + [task(TaskType.API_ENDPOINT)] * 4)
    assert record.rules.tiers == {TaskType.API_ENDPOINT: REASONING}
    assert record.types[0].needed_dearer.interval[0] > 0.5


def test_evidence_is_of_the_type_that_the_classifier_finds_now() -> None:
    seen = task(TaskType.DOCUMENTATION, says=TaskType.API_ENDPOINT, to=TaskType.COMPLEX_DEBUGGING)
    assert made([seen] * 12).rules.tiers == {TaskType.API_ENDPOINT: REASONING}


def test_as_many_for_as_against_move_nothing() -> None:
    down = [task(TaskType.API_ENDPOINT, to=TaskType.COMPLEX_DEBUGGING)] * 20
    assert made(down + [task(TaskType.API_ENDPOINT, to=TaskType.CODE_GENERATION)] * 20).rules.tiers == {}


def test_a_type_that_a_cheaper_tier_would_have_done_goes_there() -> None:
    down = [task(TaskType.DOCUMENTATION, to=TaskType.STATUS)] * LEAST
    assert made(down).rules.tiers == {TaskType.DOCUMENTATION: ORCHESTRATION}
    assert made(down[1:]).rules.tiers == {}
    assert made([*down, *[task(TaskType.DOCUMENTATION)] * 8]).rules.tiers == {}  # 30 of 32


def unsure(right: int, wrong: int, sure: float = 0.7) -> list[TaskOutcome]:
    """Return tasks whose local verdict was not sure, confirmed by a person or not."""
    good = task(TaskType.STATUS, says=TaskType.STATUS, sure=sure, to=TaskType.STATUS)
    bad = task(TaskType.DOCUMENTATION, says=TaskType.STATUS, sure=sure, to=TaskType.DOCUMENTATION)
    return [good] * right + [bad] * wrong


def test_a_lower_threshold_is_proposed_when_precision_surely_stays() -> None:
    result = made([*unsure(120, 1), *unsure(0, 40, sure=0.55)])
    assert result.rules == replace(NOW, threshold=0.56)
    assert result.threshold is not None
    assert result.threshold.proposed is not None
    assert result.threshold.proposed.precision.interval[0] >= TARGET
    assert (result.threshold.now.coverage.count, result.threshold.proposed.coverage.count) == (0, 121)
    assert made(unsure(120, 8)).empty


def test_a_higher_threshold_is_proposed_when_precision_surely_is_too_low() -> None:
    wrong = [task(TaskType.STATUS, sure=0.85, to=TaskType.DOCUMENTATION)] * 20
    right = [task(TaskType.STATUS, sure=0.97, to=TaskType.STATUS)] * 40
    result = made(wrong + right)
    assert result.rules.threshold == 0.86
    assert result.threshold is not None
    assert result.threshold.now.precision.interval[1] < TARGET
    kinds = (TaskType.STATUS, TaskType.DOCUMENTATION, TaskType.ARCHITECTURE)
    hopeless = made([task(TaskType.STATUS, sure=0.999, to=kind) for kind in kinds] * 15)
    assert hopeless.threshold is not None
    assert hopeless.threshold.proposed is None
    assert '"mode": "gemini"' in hopeless.threshold.why


def test_calibrated_errors_of_which_people_find_a_quarter_move_no_type() -> None:
    for seed in range(6):
        dice = random.Random(seed)
        seen = []
        for _ in range(600):
            sure = dice.uniform(0.5, 1.0)
            wrong = dice.random() > sure
            result = wrong and dice.random() < 0.25
            seen.append(task(TaskType.STATUS, sure=sure, to=TaskType.DOCUMENTATION if result else None))
        assert made(seen).rules.tiers == {}


def test_the_sender_s_word_is_no_evidence_of_the_classifier() -> None:
    record = [task(TaskType.STATUS, source=Source.EXPLICIT, to=TaskType.ARCHITECTURE)] * 50
    assert (made(record).labels, made(record).empty) == (0, True)


def test_without_a_threshold_none_is_proposed() -> None:
    result = made(unsure(120, 1), replace(NOW, local_first=False))
    assert result.threshold is None
    assert result.empty


@pytest.mark.parametrize(
    ("seen", "rules", "tier"),
    [
        (task(TaskType.DOCUMENTATION), NOW, IMPLEMENTATION),
        (task(TaskType.DOCUMENTATION), TO_GEMINI, ORCHESTRATION),
        (task(TaskType.DOCUMENTATION, sure=0.7), TO_GEMINI, ORCHESTRATION),
        (task(TaskType.DOCUMENTATION, source=Source.EXPLICIT), TO_GEMINI, IMPLEMENTATION),
        (task(TaskType.DOCUMENTATION, sure=0.7, source=Source.GUESS), TO_GEMINI, IMPLEMENTATION),
        (task(TaskType.STATUS, says=TaskType.DOCUMENTATION, sure=0.7), Rules(0.6, {}), IMPLEMENTATION),
        (task(TaskType.STATUS, to=TaskType.ARCHITECTURE), Rules(0.95, {}), REASONING),
    ],
    ids=["as it was", "a rule", "a rule for a model's word", "sender", "unsure", "no longer asked", "asked now"],
)  # fmt: skip
def test_where_a_past_task_would_go(seen: TaskOutcome, rules: Rules, tier: Tier) -> None:
    needed_tier = need(seen, SERVES)
    assert rules.tier(seen, needed_tier.tier if needed_tier else None) is tier


def test_effects_are_priced_at_each_task_s_own_tokens() -> None:
    moved = task(TaskType.DOCUMENTATION, to=TaskType.STATUS, task_id="a")
    unanswered = task(TaskType.DOCUMENTATION, attempt(HAIKU, Outcome.REFUSED), task_id="b")
    escalated = task(TaskType.CODE_GENERATION, attempt(HAIKU), attempt(SONNET), task_id="c")
    record = task(TaskType.STATUS, sure=0.7, task_id="d", share_nano=777)
    seen = [moved, unanswered, escalated, record]
    needs = {outcome_seen.task_id: found for outcome_seen in seen if (found := need(outcome_seen, SERVES))}
    other = Rules(0.6, {TaskType.DOCUMENTATION: ORCHESTRATION, TaskType.CODE_GENERATION: REASONING})
    proposal = effects(seen, needs, NOW, other, POINTS)

    listed = load_catalog().get(FLASH).cost_nano(TOKENS, AT)
    first, second, third = proposal.moves
    assert (first.cost_before, first.cost_after) == (Cost(HAIKU_NANO, HAIKU_NANO), Cost(0, listed))
    assert (second.cost_before, second.cost_after) == (None, None)
    assert third.cost_before == Cost(HAIKU_NANO + SONNET_NANO, HAIKU_NANO + SONNET_NANO)
    assert third.cost_after == Cost(SONNET_NANO, SONNET_NANO)
    assert [(move.needed, move.up) for move in proposal.moves] == [
        (ORCHESTRATION, False), (None, False), (REASONING, True),
    ]  # fmt: skip
    assert (proposal.asked_before, proposal.asked_after, proposal.spared_nano) == (1, 0, 777)
    before, after, priced = proposal.priced()
    assert (before.billed, after.billed, priced) == (2 * HAIKU_NANO + SONNET_NANO, SONNET_NANO, 2)


def test_a_private_task_is_priced_on_a_model_that_may_see_it() -> None:
    private = task(TaskType.DOCUMENTATION, private=True)
    proposal = effects([private], {}, NOW, TO_GEMINI, POINTS)
    assert proposal.moves[0].cost_after == Cost(HAIKU_NANO, HAIKU_NANO)


def test_what_only_reasoning_did_well() -> None:
    refused = task(TaskType.DOCUMENTATION, attempt(HAIKU, Outcome.REFUSED), attempt(SONNET))
    checked = replace(attempt(SONNET), previous_outcome="failed_check:sections")
    unaccepted = task(TaskType.DOCUMENTATION, attempt(HAIKU), checked, passed=True)
    corrected = task(TaskType.STATUS, to=TaskType.ARCHITECTURE)
    fallen = task(TaskType.DOCUMENTATION, attempt(HAIKU, Outcome.UNAVAILABLE), attempt(SONNET))
    rightly = task(TaskType.ARCHITECTURE, to=TaskType.DESIGN_REVIEW)
    result = only_reasoning([refused, unaccepted, corrected, fallen, rightly], SERVES, POINTS)
    assert [entry.why for entry in result] == [
        f"refused by {HAIKU}; then answered by {SONNET}",
        f"answer by {HAIKU} not accepted (failed_check:sections); then answered by {SONNET}",
        "corrected from status to architecture",
    ]


def test_what_a_cheaper_tier_could_take_over() -> None:
    short = Usage(input=900, output=500, thinking=300)
    simple = task(TaskType.ARCHITECTURE, attempt(SONNET, usage=short), says=TaskType.STATUS, source=Source.EXPLICIT)
    corrected = task(TaskType.ARCHITECTURE, to=TaskType.DOCUMENTATION)
    long = task(TaskType.ARCHITECTURE, says=TaskType.STATUS)
    doubtful = replace(simple, verdict=replace(simple.verdict, tier_probability=0.7))
    truncated = replace(simple, attempts=(attempt(SONNET, Outcome.TRUNCATED, short),))
    result = could_go_down([simple, corrected, long, doubtful, truncated], NOW, POINTS)
    assert [(entry.to, entry.booked_nano, entry.there_nano) for entry in result] == [
        (IMPLEMENTATION, SONNET_NANO, HAIKU_NANO),
        (ORCHESTRATION, 900 * 2_000 + 500 * 10_000, 0),
    ]
    assert result[1].why == (
        "answered in 200 tokens; the classifier is sure of status (0.90), its sender chose the tier"
    )


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("{}", ["a"], 1),
        ('{\n  "a": {"b": 1}\n}\n', ["a", "c"], 0.5),
        ('{\n  "a": {\n    "b": "}, \\" {"\n  }\n}\n', ["a", "c", "d"], "x"),
        ('{"a": {"b": [1, {"b": 2}], "c": 3}}', ["a", "c"], 4),
        ('{ }', ["a", "b"], True),
        ('{"a": {}, "b": 1}', ["a", "c"], None),
    ],
)  # fmt: skip
def test_a_value_is_put_and_the_rest_of_the_text_stays(text: str, path: list[str], value: Any) -> None:
    expected = json.loads(text)
    at = expected
    for key in path[:-1]:
        at = at.setdefault(key, {})
    at[path[-1]] = value
    after = edit.put(text, path, value)
    assert json.loads(after) == expected
    assert set(text.splitlines()[:-2]) <= {line.rstrip(",") for line in after.splitlines()}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(), st.dictionaries(st.text(), JSON, max_size=4), max_size=4),
    st.sampled_from([None, 1, 2, "\t"]),
    st.text(),
    st.text(),
    JSON,
)
def test_whatever_the_text_looks_like(
    fields: dict[str, Any], indent: int | str | None, outer: str, inner: str, value: Any
) -> None:
    after = edit.put(json.dumps(fields, indent=indent), [outer, inner], value)
    fields.setdefault(outer, {})[inner] = value
    assert json.loads(after) == fields


def test_the_diff_is_what_patch_takes(tmp_path: Path) -> None:
    down = [task(TaskType.DOCUMENTATION, to=TaskType.STATUS, task_id=f"t-{n}") for n in range(LEAST)]
    up = [task(TaskType.STATUS, sure=0.85, to=TaskType.ARCHITECTURE, task_id=f"u-{n}") for n in range(LEAST)]
    proposal = propose_tuning(TuningEvidence((*down, *up), 3), POINTS, SHIPPED, "openclaw.json")
    (tmp_path / "openclaw.json").write_text(SHIPPED)
    done = subprocess.run(
        ["patch", "openclaw.json"], input=f"Some words.\n{proposal.diff}", cwd=tmp_path, text=True, check=True,
        capture_output=True,
    )  # fmt: skip
    assert "with fuzz" not in done.stdout
    config = openclaw.parse((tmp_path / "openclaw.json").read_text())
    assert config.pointsman.classifier.tiers == {
        TaskType.STATUS: REASONING,
        TaskType.DOCUMENTATION: ORCHESTRATION,
    }
    assert config.model_copy(update={"pointsman": POINTS.config.pointsman}) == POINTS.config
    assert len([line for line in proposal.diff.splitlines() if line.startswith(("+", "-"))]) == 5
    assert (proposal.unreadable, proposal.grounds[Ground.CORRECTED]) == (3, 60)


def test_nothing_is_proposed_by_default() -> None:
    proposal = propose_tuning(TuningEvidence((), 0), POINTS, SHIPPED, "openclaw.json")
    assert (proposal.diff, proposal.effects, proposal.proposal.empty) == ("", None, True)


THOUGHT = Usage(input=10_000, output=2_000, thinking=1_500)


def thought(count: int, usage: Usage = THOUGHT, **stated: Any) -> tuple[TaskOutcome, ...]:
    return (task(TaskType.DOCUMENTATION, attempt(HAIKU, usage=usage), **stated),) * count


def test_less_effort_is_proposed_where_most_of_the_output_is_thinking() -> None:
    tuned = propose_tuning(TuningEvidence(thought(30), 0), POINTS, SHIPPED, "openclaw.json")
    (finding,) = tuned.thinking
    assert (finding.share, finding.effort, finding.proposed) == (0.75, "medium", "low")
    assert finding.thinking_nano == 30 * 1_500 * 500
    assert '+  "pointsman": {"effort": {"documentation": "low"}}' in tuned.diff
    assert (tuned.empty, tuned.effects) == (False, None)


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (thought(29), "too thin: 29 of 30 answers"),
        (thought(30, Usage(input=9, output=2_000, thinking=900)), "stays"),
        ((*thought(30), *thought(1, to=TaskType.ARCHITECTURE)), "much, but some of these tasks needed more"),
    ],
)
def test_effort_stays_without_enough_evidence(seen: tuple[TaskOutcome, ...], why: str) -> None:
    tuned = propose_tuning(TuningEvidence(seen, 0), POINTS, SHIPPED, "openclaw.json")
    (finding,) = tuned.thinking
    assert (finding.proposed, "effort" in tuned.diff) == (None, False)
    assert finding.why.startswith(why)


def test_lowest_effort_is_not_lowered_and_no_thinking_is_no_finding() -> None:
    none = RoutingPolicy(openclaw.parse(changed_effort({"implementation": "none"})), load_catalog())
    (finding,) = propose_tuning(TuningEvidence(thought(30), 0), none, SHIPPED, "openclaw.json").thinking
    assert (finding.effort, finding.proposed) == ("none", None)
    assert propose_tuning(TuningEvidence(thought(30, TOKENS), 0), POINTS, SHIPPED, "openclaw.json").thinking == ()


def changed_effort(effort: dict[str, str]) -> str:
    return json.dumps({**json.loads(SHIPPED), "pointsman": {"effort": effort}})


def split_between(number: int, shares: Sequence[float], to: TaskType | None = None) -> TaskOutcome:
    """Return a task of its own text that the classifier gives these shares of the tiers, corrected `to` a type."""
    kinds = (TaskType.STATUS, TaskType.API_ENDPOINT, TaskType.COMPLEX_DEBUGGING)
    tiers = dict(zip(Tier, shares, strict=True))
    best = {tier: (kind, 1.0) for tier, kind in zip(Tier, kinds, strict=True)}
    first, second, _ = sorted(Tier, key=lambda tier: -tiers[tier])
    kind = best[first][0]
    verdict = Classification(kind, tiers[first], ("x",), best[second][0], first, tiers[first], second, tiers, best=best)
    return task(kind, to=to, verdict=verdict, text=f"text {number}", source=Source.GEMINI)


def weights_of(seen: Sequence[TaskOutcome], own: Sequence[Judged] = ()) -> WeightsFinding:
    known = [(outcome_seen, found) for outcome_seen in seen if (found := need(outcome_seen, SERVES))]
    return weigh_tiers(known, Rules(None, {}), lambda: own)


BUGS = [split_between(number, (0.05, 0.55, 0.4), TaskType.COMPLEX_DEBUGGING) for number in range(40)]
CODE = [split_between(number, (0.05, 0.85, 0.1), TaskType.API_ENDPOINT) for number in range(100, 120)]


def test_weights_are_learnt_from_corrections_and_help_tasks_that_they_were_not_learnt_from() -> None:
    found = weights_of([*BUGS, *CODE])
    assert found.proposed
    assert found.proposed[REASONING] > 1
    assert found.harm_now is not None
    assert found.harm_then is not None
    assert found.harm_then < found.harm_now
    rules = replace(Rules(None, {}), weights=found.proposed)
    assert {rules.without_model(seen.verdict) for seen in BUGS} == {REASONING}
    assert {rules.without_model(seen.verdict) for seen in CODE} == {IMPLEMENTATION}


def test_few_corrections_or_corrections_both_ways_move_no_weight() -> None:
    assert weights_of(BUGS[: LEAST - 1]).why == f"too thin: {LEAST - 1} of {LEAST} labels"
    ways = (TaskType.COMPLEX_DEBUGGING, TaskType.STATUS, TaskType.API_ENDPOINT)
    mixed = [split_between(number, (0.3, 0.4, 0.3), ways[number % 3]) for number in range(90)]
    assert weights_of(mixed).proposed is None


def test_weights_that_spoil_the_projects_own_texts_are_not_proposed() -> None:
    own = [(Example("1", "x", TaskType.API_ENDPOINT, ok_tiers=(IMPLEMENTATION,)), seen.verdict) for seen in BUGS]
    found = weights_of(BUGS, own)
    assert found.proposed is None
    assert found.own_now == found.own_then


def test_weights_are_bounded_and_come_off_again() -> None:
    with pytest.raises(openclaw.ConfigError, match=r"pointsman\.classifier\.weights\.reasoning: .* 2"):
        openclaw.parse(json.dumps(json.loads(SHIPPED) | {"pointsman": {"classifier": {"weights": {"reasoning": 3}}}}))
    confirmed = [replace(CODE[0], text=f"text {number}") for number in range(200, 260)]
    before = made([*BUGS, *confirmed], Rules(None, {}))
    text = changed(SHIPPED, before)
    assert openclaw.parse(text).pointsman.classifier.weights == before.rules.weights != {}
    now = replace(Rules(None, {}), weights={REASONING: 2.0})
    plain = [split_between(number, (0.05, 0.6, 0.35), TaskType.API_ENDPOINT) for number in range(40)]
    after = made(plain, now)
    assert after.rules.weights.get(REASONING, 1.0) < 2
    assert openclaw.parse(changed(text, after)).pointsman.classifier.weights == after.rules.weights


def test_weights_leave_alone_what_tried_to_steer() -> None:
    verdict = replace(BUGS[0].verdict, steered=True)
    assert reweighed(verdict, {REASONING: 2.0}) is verdict
    moved = reweighed(BUGS[0].verdict, {REASONING: 2.0})
    assert (moved.tier, moved.type, moved.words) == (REASONING, TaskType.COMPLEX_DEBUGGING, ())
    assert sum(moved.tiers.values()) == pytest.approx(1)


def test_worse_answers_go_before_labels_and_as_good_ones_behind_them() -> None:
    seen = task(TaskType.CODE_GENERATION)
    known = [(seen, Need(Tier.IMPLEMENTATION, Ground.SILENCE))]
    assert propose(known, NOW).empty
    worse = {TaskType.CODE_GENERATION: TierByQuality(Tier.REASONING, "worse")}
    proposal = propose(known, NOW, by_quality=worse)
    assert proposal.rules.tiers[TaskType.CODE_GENERATION] is Tier.REASONING
    assert [(finding.proposed, finding.why) for finding in proposal.types] == [(Tier.REASONING, "worse")]
    needed = [task(TaskType.CODE_GENERATION, to=TaskType.ARCHITECTURE) for _ in range(LEAST_TO_RAISE)]
    labelled = [(it, Need(Tier.REASONING, Ground.CORRECTED)) for it in needed]
    as_good = {TaskType.CODE_GENERATION: TierByQuality(Tier.ORCHESTRATION, "as good")}
    assert propose(labelled, NOW, by_quality=as_good).types[0].proposed is Tier.REASONING
    assert propose(known, NOW, by_quality=as_good).types[0].proposed is Tier.ORCHESTRATION
