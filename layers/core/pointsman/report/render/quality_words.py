"""The quality in words: what holds for a group of tasks, or what would be needed to say so."""

from pointsman.report.figures.judges import JudgeQuality
from pointsman.report.figures.quality import QUALITY_DAYS, GroupKind, GroupQuality, Quality
from pointsman.report.render.formatting import percent, plural


def group_sentence(quality: Quality, group: GroupQuality) -> str:
    """Return what can be said of a group's answers."""
    if group.high < 0:
        return f"Worse than {quality.baseline} by {-group.high:.1f} to {-group.low:.1f} points ({_basis(group)})."
    if group.enough is None:
        return f"No worse than {quality.baseline} by more than {max(-group.low, 0.0):.1f} points ({_basis(group)})."
    return f"Too few pairs to tell ({_basis(group)}): {_enough(quality, group)}."


def _basis(group: GroupQuality) -> str:
    agreed = f", judges agree in {percent(group.agreement.percent)}" if group.agreement.of else ""
    people = f", {group.by_people:,} judged by people" if group.by_people else ""
    return f"95% interval {group.low:+.1f} to {group.high:+.1f}, n {group.pairs:,}{people}{agreed}"


def _enough(quality: Quality, group: GroupQuality) -> str:
    assert group.enough is not None
    needed = f"±{quality.margin_points:g} points need {group.enough.pairs:,} pairs"
    if group.enough.share is None:
        return f"{needed}, more than such tasks in {QUALITY_DAYS} days"
    return f"{needed}, which an audit share of {group.enough.share:g} gives by {group.enough.by}"


def judge_sentence(judge: JudgeQuality) -> str:
    """Return how far a judge can be trusted."""
    words = [f"{judge.model} judged {plural(judge.pairs, 'pair')} in both orders"]
    if judge.steady.of:
        words.append(f"the same in both for {percent(judge.steady.percent)}")
    if judge.first_points is not None:
        words.append(f"leaning {judge.first_points:+.1f} points to the first")
    if judge.error:
        error, low, high = judge.error
        words.append(f"wrong in {error:.0f}% of {plural(judge.right.of, 'control')} ({low:.0f} to {high:.0f}%)")
    counts = "" if judge.counts else " Its words are not counted: it does not see known differences."
    return f"{'; '.join(words)}.{counts}"


def quality_text(quality: Quality | None) -> str:
    """Return the sentence on all pairs; empty where nobody asks for the quality."""
    if quality is None:
        return ""
    return group_sentence(quality, quality.total) if quality.total else "No answer of the audit's sample is judged yet."


def group_name(group: GroupQuality) -> str:
    """Return how a group is called in a sentence."""
    return {
        GroupKind.ALL: "all tasks",
        GroupKind.TIER: f"tier {group.name}",
        GroupKind.TYPE: f"type {group.name}",
    }[group.kind]


def drop_words(quality: Quality, group: GroupQuality) -> tuple[str, str]:
    """Return the notice of a drop: a subject of one ASCII line, and a text."""
    name, tolerated = group_name(group), quality.tolerated_points
    beyond = f" by more than the {tolerated:g} points that are tolerated" if tolerated else ""
    lines = [
        f"The answers of {name} are worse than those of {quality.baseline}{beyond}, beyond doubt: "
        f"{group.tested_points or 0.0:+.1f} points in {plural(group.tested_pairs, 'pair')} "
        f"since {quality.test_since:%Y-%m-%d}.",
        "See the answers with pointsman audit, and what to change with pointsman tune.",
        "It is told once; the test begins anew with the next quarter.",
    ]
    return f"Pointsman: the quality of {name} has dropped", "\n".join(lines) + "\n"
