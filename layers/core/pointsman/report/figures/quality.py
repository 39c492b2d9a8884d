"""The quality of the delivered answers beside the baseline's, as a number with an interval, and a test for its drop."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from statistics import fmean, pvariance
from zoneinfo import ZoneInfo

from pointsman.execution.comparison import JudgedPair, JudgeWord, PairKind, Preferred
from pointsman.report.figures.judges import Agreement, JudgeQuality, judge_figures
from pointsman.values.statistics import drop_evidence, paired_interval, pairs_needed
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.times import parse_time, utc_days

QUALITY_DAYS = 90
"""Days up to the report's end whose pairs its interval is of."""
_FALSE_ALARM = 0.05
"""Probability that any drop at all is told in a quarter without one. A third of it goes to the whole, one to the tiers
and one to the types, in equal parts.
"""
_PARTS_OF_ALARM = 3
_USUAL_VARIANCE = 0.5
"""Of the scores, while there are fewer than `_ENOUGH_FOR_VARIANCE`: half of the pairs are found equal."""
_ENOUGH_FOR_VARIANCE = 20
_SCORES = {Preferred.DELIVERED: 1.0, Preferred.SAME: 0.0, Preferred.BASELINE: -1.0}


@dataclass(frozen=True, slots=True)
class QualityScope:
    """What the figures are read against."""

    until: datetime
    """The first instant after the days that count."""
    zone: ZoneInfo
    baseline: str
    """The model that answers for the audit; pairs of another one do not count."""
    audit_share: float
    margin_points: float
    """The difference that matters: half of an interval that is narrow enough."""
    tolerated_points: float
    """A drop up to this is not told."""

    @property
    def since(self) -> datetime:
        """Where the interval's pairs begin."""
        return self.until - timedelta(days=QUALITY_DAYS)

    @property
    def quarter(self) -> date:
        """The first day of the quarter, in which the test begins anew."""
        last = (self.until - timedelta(microseconds=1)).astimezone(self.zone).date()
        return date(last.year, last.month - (last.month - 1) % 3, 1)

    @property
    def test_since(self) -> datetime:
        """Where the test's pairs begin."""
        quarter = self.quarter
        return datetime(quarter.year, quarter.month, 1, tzinfo=self.zone)

    @property
    def months(self) -> tuple[str, ...]:
        """The months of UTC whose pairs are needed, oldest first."""
        days = utc_days(min(self.since, self.test_since), self.until)
        return tuple(dict.fromkeys(f"{day:%Y-%m}" for day in days))


class GroupKind(StrEnum):
    """By what pairs are grouped."""

    ALL = "all"
    TIER = "tier"
    TYPE = "type"

    @property
    def least_evidence(self) -> float:
        """The logarithm of the evidence from which a drop is told."""
        members = {GroupKind.ALL: 1, GroupKind.TIER: len(Tier), GroupKind.TYPE: len(TaskType)}[self]
        return math.log(members * _PARTS_OF_ALARM / _FALSE_ALARM)


@dataclass(frozen=True, slots=True)
class EnoughPairs:
    """What would make the interval narrow enough."""

    pairs: int
    """In `QUALITY_DAYS` days."""
    share: float | None
    """Of the tasks that the baseline would have to answer; None: not even all of them, or there is no sample yet."""
    by: date
    """When there would be as many, from today on."""


@dataclass(frozen=True, slots=True)
class GroupQuality:
    """The quality of the answers of one group of tasks; points run from -100 to 100, below 0 the baseline is better."""

    kind: GroupKind
    name: str
    pairs: int
    by_people: int
    """Pairs of which a person's word counts."""
    better: int
    worse: int
    points: float
    low: float
    high: float
    """The 95% interval."""
    agreement: Agreement
    """Of the judges with each other."""
    enough: EnoughPairs | None
    """None: the interval is narrow enough."""
    tested_pairs: int
    """Pairs of the quarter, of which the test is."""
    tested_points: float | None
    evidence: float
    """The logarithm of the evidence for a drop in the quarter."""

    @property
    def dropped(self) -> bool:
        """Whether the answers are worse than the baseline's beyond doubt."""
        return self.evidence >= self.kind.least_evidence


@dataclass(frozen=True, slots=True)
class Quality:
    """The quality of the answers up to a day."""

    baseline: str
    since: datetime
    test_since: datetime
    margin_points: float
    tolerated_points: float
    groups: tuple[GroupQuality, ...]
    """All pairs, then tiers, then types; none without a judged pair."""
    judges: tuple[JudgeQuality, ...]
    people: Agreement
    """In how many pairs the judges prefer what the person does."""

    @property
    def total(self) -> GroupQuality | None:
        """The group of all pairs."""
        return self.groups[0] if self.groups else None

    @property
    def drops(self) -> tuple[GroupQuality, ...]:
        """The groups whose drop is beyond doubt."""
        return tuple(group for group in self.groups if group.dropped)


@dataclass(frozen=True, slots=True)
class _Scored:
    at: datetime
    tier: Tier
    type: TaskType | None
    score: float
    by_person: bool
    agreed: bool | None
    """Of two judges; None: there are not two."""


def quality_of(pairs: Iterable[JudgedPair], scope: QualityScope) -> Quality:
    """Return the figures of the pairs of the current baseline."""
    until = scope.until
    known = [(parse_time(judged.pair.at), judged) for judged in pairs if judged.pair.baseline == scope.baseline]
    recent = [judged for at, judged in known if scope.since <= at < until]
    judges = judge_figures(recent)
    counted = frozenset(judge.family for judge in judges if judge.counts)
    scored = [entry for at, judged in known if at < until and (entry := _scored(at, judged, counted))]
    groups = [_group(GroupKind.ALL, "all", scored, scope)]
    groups += [_group(GroupKind.TIER, str(tier), [it for it in scored if it.tier is tier], scope) for tier in Tier]
    groups += [_group(GroupKind.TYPE, str(kind), [it for it in scored if it.type is kind], scope) for kind in TaskType]
    return Quality(
        baseline=scope.baseline,
        since=scope.since,
        test_since=scope.test_since,
        margin_points=scope.margin_points,
        tolerated_points=scope.tolerated_points,
        groups=tuple(group for group in groups if group),
        judges=judges,
        people=_agreement_with_people(recent, counted),
    )


def score_of(judged: JudgedPair, counted: frozenset[str]) -> float | None:
    """Return what is said of a pair, from -1 (the baseline is better) to 1; None: nothing that counts.

    A person's word counts above the judges'. Of those, each counts by the mean of both orders, so that a judge which
    prefers a place and not an answer says that they are the same.
    """
    if judged.person:
        return _SCORES[judged.person]
    scores = _judge_scores(judged, counted)
    return fmean(scores.values()) if scores else None


def _judge_scores(judged: JudgedPair, counted: frozenset[str]) -> dict[str, float]:
    """Return the score by family, of those that judged in both orders."""
    words: dict[str, dict[int, JudgeWord]] = {}
    for word in judged.words:
        if word.kind is PairKind.PAIR and word.family in counted:
            words.setdefault(word.family, {})[word.order] = word
    return {
        family: fmean(_SCORES[word.preferred] for word in orders.values())
        for family, orders in words.items()
        if len(orders) == 2
    }


def _scored(at: datetime, judged: JudgedPair, counted: frozenset[str]) -> _Scored | None:
    score = score_of(judged, counted)
    if score is None:
        return None
    sides = [_side(judge_score) for judge_score in _judge_scores(judged, counted).values()]
    agreed = len(set(sides)) == 1 if len(sides) > 1 else None
    return _Scored(at, judged.pair.tier, judged.pair.type, score, judged.person is not None, agreed)


def _side(score: float) -> int:
    """Return which answer a score prefers: a half is one order of two, or one judge of two."""
    return (score >= 0.5) - (score <= -0.5)


def _group(kind: GroupKind, name: str, scored: Sequence[_Scored], scope: QualityScope) -> GroupQuality | None:
    recent = [entry for entry in scored if entry.at >= scope.since]
    tested = [entry.score for entry in scored if entry.at >= scope.test_since]
    scores = [entry.score for entry in recent]
    interval = paired_interval(scores)
    if interval is None:
        return None
    low, high = (100 * end for end in interval)
    agreed = [entry.agreed for entry in recent if entry.agreed is not None]
    narrow = high - low <= 2 * scope.margin_points
    return GroupQuality(
        kind=kind,
        name=name,
        pairs=len(scores),
        by_people=sum(entry.by_person for entry in recent),
        better=sum(_side(score) > 0 for score in scores),
        worse=sum(_side(score) < 0 for score in scores),
        points=100 * fmean(scores),
        low=low,
        high=high,
        agreement=Agreement(sum(agreed), len(agreed)),
        enough=None if narrow else _enough(scores, min(entry.at for entry in recent), scope),
        tested_pairs=len(tested),
        tested_points=100 * fmean(tested) if tested else None,
        evidence=drop_evidence(Counter(tested), scope.tolerated_points / 100),
    )


def _enough(scores: Sequence[float], first: datetime, scope: QualityScope) -> EnoughPairs:
    """Return how many pairs would do, at the rate of tasks since the first one."""
    variance = max(pvariance(scores), 1 / len(scores)) if len(scores) >= _ENOUGH_FOR_VARIANCE else _USUAL_VARIANCE
    needed = pairs_needed(variance, scope.margin_points / 100)
    days = max((scope.until - first) / timedelta(days=1), 1.0)
    tasks_a_day = len(scores) / days / scope.audit_share if scope.audit_share else 0.0
    share = needed / (tasks_a_day * QUALITY_DAYS) if tasks_a_day else math.inf
    by = (scope.until + timedelta(days=QUALITY_DAYS)).astimezone(scope.zone).date()
    return EnoughPairs(needed, math.ceil(100 * share) / 100 if share <= 1 else None, by)


def _agreement_with_people(pairs: Iterable[JudgedPair], counted: frozenset[str]) -> Agreement:
    both = [
        (_side(_SCORES[judged.person]), _side(fmean(scores.values())))
        for judged in pairs
        if judged.person and (scores := _judge_scores(judged, counted))
    ]
    return Agreement(sum(person == judges for person, judges in both), len(both))
