"""Writes docs/transcripts.md: `python -m tools.transcripts`. Runs an operator's day on the local stack.

The day stands in transcripts.toml. Every command runs as in a shell, on a terminal of its own, and the page has what it
printed; only what differs from run to run (ids, ports, times, secrets) is replaced, the same by the same.
"""

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import devstack
from pointsman_cli.stacks import STATE_DIR

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/transcripts.md"
DAY = Path(__file__).with_suffix(".toml")
COLUMNS, LINES = 120, 24
_WATCHED_SECONDS = 12.0
"""After which a command that does not end by itself gets a Ctrl-C."""
_MOST_SECONDS = 300.0


@dataclass(slots=True)
class Normalizer:
    """Replaces what differs from run to run."""

    folder: Path
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    _seen: dict[str, dict[str, str]] = field(default_factory=dict)

    def text(self, text: str) -> str:
        """Return the text as every run prints it."""
        for path, name in ((self.folder, "~/team"), (ROOT, "~/pointsman")):
            text = text.replace(str(path), name)
        for pattern, kind, form in _REPLACED:
            text = re.sub(pattern, lambda match, kind=kind, form=form: self._same(kind, form, match[0]), text)  # type: ignore[misc]
        for days in _DAYS:
            text = text.replace(str(self.today + timedelta(days=days)), str(_DAY + timedelta(days=days)))
        text = text.replace(f"{self.today:%A %-d %B %Y}", f"{_DAY:%A %-d %B %Y}")
        text = text.replace(f"{self.today:%Y-%m} to date", f"{_DAY:%Y-%m} to date")
        for pattern, stated in _TIMES:
            text = re.sub(pattern, lambda match, stated=stated: _as_wide(match, stated), text)  # type: ignore[misc]
        return text

    def _same(self, kind: str, form: Callable[[int], str], text: str) -> str:
        known = self._seen.setdefault(kind, {})
        return known.setdefault(text, form(len(known) + 1))


def _as_wide(match: re.Match[str], stated: str) -> str:
    """Return the replacement with the spaces that the matched text began with, as wide as it was."""
    return stated.rjust(len(match[0])) if match[0].startswith(" ") else stated


_REPLACED: tuple[tuple[str, str, Callable[[int], str]], ...] = (
    (
        r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
        "id",
        lambda n: f"{n:08}-5c1e-4f0a-9d3b-{n:012}",
    ),
    (r"(?<=127\.0\.0\.1:)\d+", "port", lambda n: str(4565 + n)),
    (r"(?<=TaskQueue-)[0-9A-F]{10,}", "queue", lambda n: f"{'X' * 12}{n}"),
    (r"(?<=lambda-url/)[a-z0-9]{20,}", "function", lambda n: f"{'x' * 30}{n}"),
    (r"(?<=127\.0\.0\.1:\d{4}/)[A-Za-z0-9_-]{22}(?=$|\n)", "stand-in", lambda n: f"{'x' * 20}{n:02}"),
    (r"\bpm_[A-Za-z0-9_-]{20,}", "key", lambda n: f"pm_{'x' * 30}{n}"),
    (r"\bwhsec_[A-Za-z0-9+/=_-]{20,}", "webhook", lambda n: f"whsec_{'x' * 30}{n}"),
    (r"(?<=secret=)[A-Za-z0-9_-]{20,}", "secret", lambda n: f"{'x' * 30}{n}"),
)
_DAY, _DAYS = date(2026, 11, 27), (-30, -1, 0, 1, 30)
"""The day of the page, and the days beside it that the commands print."""
_TIMES = (
    (r"(?!00:00:00)\d{2}:\d{2}:\d{2}\.\d{3}(?=Z)", "14:05:11.204"),
    (r"(?!00:00:00|14:05:11)\d{2}:\d{2}:\d{2}\b", "14:05:11"),
    (r"(?<!:)\b\d{2}:\d{2}(?=Z| UTC)", "14:05"),
    (r"(?<=MiniStack \()\d+", "4101"),
    (r"(?<=stand-in \()\d+", "4102"),
    (r"(?<=after )\d+ s\b", "31 s"),
    (r"(?m)(?<=, )(?:under )?\d+ s$", "2 s"),
    (r" +\d+[sm]\b", "9s"),
)


@dataclass(slots=True)
class Terminal:
    """Runs commands as a shell on a terminal does."""

    folder: Path

    def run(self, command: str) -> str:
        """Return what a command prints, with its exit code if that is not 0."""
        lives = command.startswith(("pointsman watch", "pointsman ui"))
        master, slave = pty.openpty()
        with suppress(OSError):
            os.set_blocking(master, True)
        subprocess.run(["stty", "rows", str(LINES), "cols", str(COLUMNS), "-echo"], stdin=slave, check=True)
        process = subprocess.Popen(
            ["bash", "-c", command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=self.folder,
            env=self._environment(),
            start_new_session=True,
        )
        os.close(slave)
        printed = self._read(master, process, _WATCHED_SECONDS if lives else _MOST_SECONDS, lives=lives)
        os.close(master)
        code = process.wait()
        ended = f"\n(exit code {code})" if code else ""
        return _screen(printed) + ended

    def _read(self, master: int, process: "subprocess.Popen[bytes]", seconds: float, *, lives: bool) -> str:
        until, parts = time.monotonic() + seconds, []
        while True:
            if time.monotonic() > until:
                if not lives:
                    os.killpg(process.pid, signal.SIGKILL)
                    raise TimeoutError(b"".join(parts).decode())
                os.killpg(process.pid, signal.SIGINT)
                until, lives = time.monotonic() + 10, False
            if not select.select([master], [], [], 0.2)[0]:
                continue
            try:
                part = os.read(master, 65536)
            except OSError:  # the other side is closed
                part = b""
            if not part:
                return b"".join(parts).decode()
            parts.append(part)

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "SSL_CERT_FILE") if name in os.environ}
        path = f"{ROOT / '.venv/bin'}:{kept['PATH']}"
        place = {"HOME": str(self.folder), "XDG_STATE_HOME": str(self.folder / ".state")}
        size = {"COLUMNS": str(COLUMNS), "LINES": str(LINES)}
        return {**kept, **place, **size, "PATH": path, "TERM": "xterm", "NO_COLOR": "1"}


def _screen(printed: str) -> str:
    """Return what a terminal shows at the end: of a live screen its last frame, and no line that was erased."""
    text = printed.replace("\r\n", "\n")
    if "\x1b[H" in text:
        text = text.rsplit("\x1b[H", 1)[1].split("\x1b[J", 1)[0].replace("\x1b[K", "")
    text = re.sub(r"\r[^\r\n\x1b]*\x1b\[K", "", text)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).rstrip()


@dataclass(slots=True)
class Operator:
    """Who has the day."""

    terminal: Terminal
    normalize: Normalizer

    def section(self, section: dict[str, Any]) -> str:
        """Return a section of the page."""
        lines = [f"## {section['title']}", "", section["text"].strip(), ""]
        self._prepare(section)
        for command in section["commands"]:
            print(f"$ {command}", flush=True)
            printed = self.terminal.run(command)
            shown = [line.rstrip() for line in self.normalize.text(printed).split("\n")] if printed else []
            fence = "````" if "```" in printed else "```"
            lines += [f"{fence}console", f"$ {command}", *shown, fence, ""]
        return "\n".join(lines)

    def _prepare(self, section: dict[str, Any]) -> None:
        for name, text in section.get("files", {}).items():
            (self.terminal.folder / name).write_text(text.lstrip("\n"), encoding="utf-8")
        info = devstack.StackInfo.load(STATE_DIR)
        if info is None:
            return
        if rules := section.get("faults"):
            url = f"{info.fake_providers_url}/_control/faults"
            request = Request(url, json.dumps(rules).encode(), method="POST")  # noqa: S310  (this machine's)
            urlopen(request, timeout=10).close()  # noqa: S310
        for body in section.get("messages", ()):
            info.client("sqs").send_message(QueueUrl=info.outputs["TaskQueueUrl"], MessageBody=body)
        if parameters := section.get("parameters"):
            devstack.start_stack(STATE_DIR, parameters=parameters, keep=True)
        for name, value in section.get("secrets", {}).items():
            info.client("ssm").put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)
        time.sleep(section.get("seconds", 0))


def main() -> None:
    """Run the day and write the page."""
    if devstack.has_data(STATE_DIR) or devstack.find_stack(STATE_DIR):
        sys.exit("there is a local stack already: delete it with `pointsman down --delete`")
    day = tomllib.loads(DAY.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "team"
        folder.mkdir()
        shutil.copy(ROOT / "openclaw.json", folder)
        operator = Operator(Terminal(folder), Normalizer(folder))
        try:
            sections = [operator.section(section) for section in day["section"]]
        finally:
            devstack.stop_stack(STATE_DIR, delete=True)
    page = f"# {day['title']}\n\n{day['text'].strip()}\n\n" + "\n".join(sections)
    PAGE.write_text(page.rstrip("\n") + "\n", encoding="utf-8")
    print(f"Wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
