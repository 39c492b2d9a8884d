"""What the decisions are compared with: every task to one tier, and rules that look for words."""

import re
from collections.abc import Callable, Mapping

from pointsman.values.taxonomy import Tier

_RULES: tuple[tuple[Tier, str], ...] = (
    (
        Tier.REASONING,
        r"architect\w*|design\w*|security|secure|vulnerab\w*|threat\w*|attack\w*|exploit\w*|cve|root cause|debug\w*"
        r"|deadlock|memory leak|race condition|why|review|rfc|trade-?offs?|scal(?:e|ing|able)",
    ),
    (
        Tier.IMPLEMENTATION,
        r"write|implement\w*|code|function|script|class|refactor\w*|fix|add|unit tests?|endpoint|route|api"
        r"|document\w*|docs|docstrings?|readme|changelog|sql|query|regex",
    ),
    (
        Tier.ORCHESTRATION,
        r"status|assign\w*|schedul\w*|dispatch\w*|plan\w*|sprint|milestones?|checklist|which|should we|decide"
        r"|go/no-go|triage|suites?|running|progress|route to|hand over|split",
    ),
)
_PATTERNS = tuple((tier, re.compile(rf"\b(?:{words})\b", re.IGNORECASE)) for tier, words in _RULES)


def by_keywords(text: str) -> Tier:
    """Return the tier whose words occur most often; of equals the dearer, of none the middle one."""
    hits = {tier: len(pattern.findall(text)) for tier, pattern in _PATTERNS}
    best = max(hits, key=lambda tier: hits[tier])
    return best if hits[best] else Tier.IMPLEMENTATION


def _always(tier: Tier) -> Callable[[str], Tier]:
    return lambda _: tier


BASELINES: Mapping[str, Callable[[str], Tier]] = {
    **{f"always {tier}": _always(tier) for tier in Tier},
    "keyword rules": by_keywords,
}
