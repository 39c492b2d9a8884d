"""The skill with which agents delegate tasks to Pointsman, for OpenClaw and others that read `SKILL.md`."""

from importlib.resources import files


def skill_text(options: str) -> str:
    """Return `SKILL.md` for a stack. `options` name the stack, for example `--stack pointsman`."""
    template = (files(__package__) / "SKILL.md").read_text(encoding="utf-8")
    return template.replace("{options}", f" {options}" if options else "")
