"""The instructions that go with a task, one text per tier, and the rubric of the classification."""

from functools import cache
from importlib.resources import files

from pointsman.values.taxonomy import Tier


@cache
def prompt_text(name: str) -> str:
    """Return the prompt of that name."""
    return (files(__name__) / f"{name}.md").read_text().strip()


def system_for(tier: Tier, own: str | None, *, splits: bool = False, stated_schema: str | None = None) -> str:
    """Return a tier's instructions, with those for handing out subtasks if it may, followed by the task's own and by
    the schema that the answer must follow, where it is said in words.
    """
    parts = (prompt_text(tier), prompt_text("split") if splits else "", own, stated_schema)
    return "\n\n".join(part for part in parts if part)
