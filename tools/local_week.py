"""Runs a week on the local stack, accelerated, and prints its commands with what they print.

`python -m tools.local_week`: five days with an end each (a kill, `down`, a changed openclaw.json), on a stack of its
own, with fake providers as a process of their own, which count the requests of the whole week.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from devstack import StackInfo, servers
from devstack.toolchain import ROOT
from pointsman_cli.stacks import LOCAL_NAME, local_state_dir

_NAME = "week"
_direct = build_opener(ProxyHandler({}))
_TASKS = (
    ("--type", "planning", "Plan the release of the parser"),
    ("--type", "code_generation", "Write a function that adds two amounts"),
    ("--type", "documentation", "Document the parser's limits"),
    ("--type", "design_review", "Review the design of the cache"),
    ("--type", "test_coordination", "Which suites cover the parser?"),
)
_SLOW = "(slowly)"
"""In a prompt: the fake providers think for seconds, so that the task is under way when something happens."""


@dataclass
class Week:
    """A folder with its openclaw.json, and the environment of a shell in it."""

    folder: Path
    providers: str
    environment: dict[str, str]

    def run(self, *command: str, shown: bool = True) -> str:
        """Run a command as a user does; print it and what it prints."""
        done = subprocess.run(
            [Path(sys.executable).with_name("pointsman"), *command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        printed = done.stderr + done.stdout
        if done.returncode:
            sys.exit(f"pointsman {' '.join(command)}: {printed}")
        if shown:
            print(f"$ pointsman {' '.join(f'"{word}"' if ' ' in word else word for word in command)}")
            print(_without_secrets(printed), end="", flush=True)
        return done.stdout

    def document(self, *command: str) -> Any:
        """Return the JSON document that a command prints."""
        return json.loads(self.run(*command, "--json", shown=False))

    def send(self, day: str) -> None:
        """Send the day's tasks; the last two take their time."""
        for number, (option, kind, prompt) in enumerate(_TASKS):
            slowly = f" {_SLOW}" if number >= len(_TASKS) - 2 else ""
            self.run("submit", option, kind, f"{prompt}, {day}{slowly}", shown=False)
        print(f"# {len(_TASKS)} tasks are sent")

    def wait(self) -> None:
        """Wait until every task has ended."""
        until = time.monotonic() + 300
        while any(task["status"] not in ("completed", "failed") for task in self.document("list")["tasks"]):
            if time.monotonic() > until:
                sys.exit("the tasks did not end")
            time.sleep(1)

    def kill_emulator(self) -> None:
        """Kill it, once tasks are under way."""
        while not any(entry["outcome"] == "open" for entry in self.requests()):
            time.sleep(0.1)
        info = StackInfo.load(local_state_dir(_NAME))
        assert info
        os.kill(info.processes[0].pid, signal.SIGKILL)
        print(f"$ kill -9 {info.processes[0].pid}        # MiniStack, with tasks under way")

    def requests(self) -> list[dict[str, Any]]:
        """Return every request that has arrived at the fake providers."""
        with _direct.open(f"{self.providers}/_control/journal", timeout=10) as answer:
            requests: list[dict[str, Any]] = json.load(answer)["requests"]
        return requests

    def books(self) -> None:
        """Compare requests with the ledger, and say how the tasks stand."""
        report, requests = self.document("report"), self.requests()
        attempts = report["totals"]["attempts"]  # the tasks state their types, so nothing is classified
        tasks, cost = report["tasks"], report["totals"]["cost_nano_usd"] / 1e9
        print(f"# tasks: {tasks['received']} received, {tasks['completed']} completed; ${cost:.6f}")
        print(f"# requests at the providers: {len(requests)}; attempts in the ledger: {attempts}", flush=True)
        if len(requests) != attempts:
            sys.exit(f"they differ: {Counter(entry['outcome'] for entry in requests)}")


def _without_secrets(text: str) -> str:
    text = re.sub(r"pm_\S+", "pm_…", text).replace(str(ROOT), "~/pointsman")
    return re.sub(r"^(\w+: queued)\n.*?(?=^\$|\Z)", r"\1\n", text, flags=re.MULTILINE | re.DOTALL)


@contextmanager
def _week(folder: Path) -> Iterator[Week]:
    port_file = folder / "address.json"
    command = [sys.executable, "-m", "devstack.fake_providers", "--port-file", str(port_file)]
    providers = subprocess.Popen(command, cwd=ROOT)
    try:
        while not port_file.exists():
            time.sleep(0.1)
        url = json.loads(port_file.read_text())["url"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
            LOCAL_NAME: _NAME,
            "GEMINI_API_KEY": "a-key",
            "ANTHROPIC_API_KEY": "a-key",
            "GOOGLE_GEMINI_BASE_URL": f"{url}/gemini",
            "ANTHROPIC_BASE_URL": f"{url}/anthropic",
        }
        yield Week(folder, url, environment)
    finally:
        providers.terminate()
        providers.wait()


def _slow_down(week: Week) -> None:
    rules = [
        {"provider": name, "action": {"delay": {"seconds": 5}}, "contains": _SLOW} for name in ("gemini", "anthropic")
    ]
    request = Request(f"{week.providers}/_control/faults", json.dumps(rules).encode(), method="POST")  # noqa: S310  (loopback)
    request.add_header("content-type", "application/json")
    _direct.open(request, timeout=10).close()


def main() -> None:
    """Run the week."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, _week(Path(folder)) as week:
        config = Path(folder) / "openclaw.json"
        shutil.copy(ROOT / "openclaw.json", config)
        _slow_down(week)
        try:
            _days(week, config)
        finally:
            week.run("down", "--delete", "--yes")
    print(f"# {time.monotonic() - began:.0f} s in all")


def _days(week: Week, config: Path) -> None:
    print("# Monday: the first start, and a crash in the evening")
    week.run("up", "--port", str(servers.free_port()))
    week.send("Monday")
    week.kill_emulator()
    print("# Tuesday: what was under way on Monday goes on")
    week.run("up")
    week.wait()
    week.books()
    week.send("Tuesday")
    week.wait()
    print("# Tuesday evening: the laptop is shut down")
    week.run("down")
    print("# Wednesday")
    week.run("up")
    week.run("list")
    week.send("Wednesday")
    week.wait()
    week.books()
    print("# Thursday: another budget, while the stack is up and tasks are under way")
    document = json.loads(config.read_text())
    document["pointsman"] = document.get("pointsman", {}) | {"budget": {"month_usd": 9}}
    config.write_text(json.dumps(document, indent=2))
    week.send("Thursday")
    week.run("up")
    week.wait()
    week.books()
    print("# Friday")
    week.send("Friday")
    week.wait()
    week.books()
    week.run("report")


if __name__ == "__main__":
    main()
