"""The skill with which agents delegate tasks to Pointsman, for OpenClaw and others that read `SKILL.md`."""

import secrets
import shlex
from importlib.resources import files


def skill_text(options: list[str]) -> str:
    """Return `SKILL.md` for a stack, which `options` name, for example `--stack`, `pointsman`.

    Prompts go in by a quoted here-document, whose last line is random: no text that an agent is given can end it.
    """
    template = (files(__package__) / "SKILL.md").read_text(encoding="utf-8")
    named = template.replace("{options}", f" {shlex.join(options)}" if options else "")
    return named.replace("{end}", f"END_{secrets.token_hex(6)}")
