"""The fake providers as a separate process, and their control API."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GEMINI_MODEL = "gemini-3.5-flash-lite"
CLAUDE_MODEL = "claude-haiku-5-5"


@dataclass(frozen=True)
class FakeProviders:
    url: str
    process: subprocess.Popen[bytes]
    journal: Path

    def control(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_control/{path}", method=method, data=data)
        with urllib.request.urlopen(request, timeout=5) as response:
            return json.load(response)

    def fault(self, provider: str, action: Any, **rule: Any) -> None:
        self.control("POST", "faults", [{"provider": provider, "action": action, **rule}])

    def replay(self, provider: str, responses: Sequence[Any], **rule: Any) -> None:
        """Answer with recorded responses in turn; see `replay_rules`."""
        self.control("POST", "faults", replay_rules(provider, responses, **rule))

    def probes(self) -> list[dict[str, Any]]:
        return self.control("GET", "probes")["probes"]

    def requests(self) -> list[dict[str, Any]]:
        return self.control("GET", "journal")["requests"]

    def last(self, outcome: str) -> dict[str, Any]:
        """Return the last request once it has ended in `outcome`: the server notices a disconnect a moment later."""
        until = time.monotonic() + 3
        while (entry := self.requests()[-1])["outcome"] != outcome and time.monotonic() < until:
            time.sleep(0.01)
        assert entry["outcome"] == outcome
        return entry


def replay_rules(provider: str, responses: Sequence[Any], **rule: Any) -> list[dict[str, Any]]:
    """Return the rules that answer with recorded responses in turn: the last one stays, text is a plain answer."""
    actions = [{"response": response} if isinstance(response, dict) else {"usage": {}} for response in responses]
    rules = [{"provider": provider, "action": action, "times": 1, **rule} for action in actions]
    del rules[-1]["times"]
    return rules


def start(folder: Path) -> FakeProviders:
    port_file, journal = folder / "address.json", folder / "journal.jsonl"
    port_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "devstack.fake_providers", "--port-file", port_file, "--journal", journal]
    process = subprocess.Popen(command)
    until = time.monotonic() + 60
    while not port_file.exists():
        assert process.poll() is None, "the fake providers did not start"
        assert time.monotonic() < until
        time.sleep(0.01)
    return FakeProviders(json.loads(port_file.read_text())["url"], process, journal)


def stop(provider: FakeProviders, how: signal.Signals = signal.SIGTERM) -> None:
    provider.process.send_signal(how)
    provider.process.wait(timeout=10)
