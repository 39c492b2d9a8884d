"""The quality of the answers from what judges and people say of the audit's pairs, and the notice of its drop."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from pointsman.execution.comparison import JudgedPair
from pointsman.execution.events import QUALITY_DROPPED, NoticeKey, quality_drop_detail
from pointsman.report.figures.quality import GroupQuality, Quality, QualityScope, quality_of
from pointsman.report.render.quality_words import drop_words
from pointsman.services.context import Context
from pointsman.services.notices import TeamNotice, TeamNotices
from pointsman.values.log_events import LogEvent
from pointsman.values.taxonomy import Tier

type PairReader = Callable[[Iterable[str]], Iterable[JudgedPair]]
"""Returns the pairs of some months, written as 2026-11."""


@dataclass(frozen=True, slots=True)
class QualityFigures:
    """Reads the pairs and adds them up; where `pointsman.quality` is not configured, it reads nothing."""

    ctx: Context
    read_pairs: PairReader

    def __call__(self, until: datetime) -> Quality | None:
        """Return the quality up to that instant; None where nobody asks for it."""
        scope = self._scope(until)
        return quality_of(self.read_pairs(scope.months), scope) if scope else None

    def by_tier(self, until: datetime) -> dict[Tier, Quality]:
        """Return the quality of each tier's answers alone; empty where nobody asks for it."""
        scope = self._scope(until)
        pairs = list(self.read_pairs(scope.months)) if scope else []
        of_tier = {tier: [judged for judged in pairs if judged.pair.tier is tier] for tier in Tier}
        return {tier: quality_of(some, scope) for tier, some in of_tier.items()} if scope else {}

    def _scope(self, until: datetime) -> QualityScope | None:
        options, policy = self.ctx.policy.config.pointsman, self.ctx.policy
        if (rules := options.quality) is None:
            return None
        return QualityScope(
            until=until,
            zone=self.ctx.zone,
            baseline=policy.resolve(policy.config.audit_model, until).id,
            audit_share=options.audit.share,
            margin_points=rules.margin_points,
            tolerated_points=rules.tolerated_points,
        )


@dataclass(frozen=True, slots=True)
class QualityNotice:
    """A part of the sweep. It tells the drop of a group once in a quarter, in which the test begins anew."""

    figures: QualityFigures
    notices: TeamNotices

    def __call__(self, now: datetime) -> int:
        """Tell of each group whose answers have become worse beyond doubt; return how many notices were sent."""
        quality = self.figures(now)
        if quality is None:
            return 0
        return sum(self.notices.send(_notice(quality, group), now) for group in quality.drops)


def _notice(quality: Quality, group: GroupQuality) -> TeamNotice:
    quarter, name = f"{quality.test_since:%Y-%m-%d}", f"{group.kind} {group.name}"
    detail = quality_drop_detail(
        quarter, str(group.kind), group.name, quality.baseline, group.tested_points or 0.0, group.tested_pairs
    )
    return TeamNotice(
        NoticeKey(f"quality {quarter}", name),
        QUALITY_DROPPED,
        detail,
        drop_words(quality, group),
        LogEvent.QUALITY_DROPPED,
        LogEvent.QUALITY_NOTICE_NOT_SENT,
        {"group": name},
    )
