"""The skill that teaches an agent of OpenClaw to delegate; other agents that read `SKILL.md` can use it too."""

from importlib.resources import files


def skill_text(options: str) -> str:
    """Return `SKILL.md` for a stack; `options` are those that name it, as `--stack pointsman`."""
    written = (files(__package__) / "SKILL.md").read_text(encoding="utf-8")
    return written.replace("{options}", f" {options}" if options else "")
