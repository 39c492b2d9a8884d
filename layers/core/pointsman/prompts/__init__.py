"""The instructions that go with a task, one text per tier, and the rubric of the classification."""

from functools import cache
from importlib.resources import files

from pointsman.values.taxonomy import Tier


@cache
def prompt_text(name: str) -> str:
    """Return the prompt of that name."""
    return (files(__name__) / f"{name}.md").read_text().strip()


def system_for(tier: Tier, own: str | None, *, splits: bool = False) -> str:
    """Return a tier's instructions, with those for handing out subtasks if it may, followed by the task's own."""
    return "\n\n".join(part for part in (prompt_text(tier), prompt_text("split") if splits else "", own or "") if part)
