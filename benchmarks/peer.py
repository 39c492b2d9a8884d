"""LiteLLM's Router as the peer: in an environment and a process of its own, on the same stand-in."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from benchmarks.places import LITELLM, WORK, python_of
from benchmarks.rig import PROMPT

VARIABLES = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.defpath}


def deployment(group: str, model: str, url: str) -> dict[str, Any]:
    """Return an entry of the Router's model list that leads to the stand-in."""
    gemini = model.startswith("gemini")
    base = f"{url}/gemini/v1" if gemini else f"{url}/anthropic"
    name = f"{'gemini' if gemini else 'anthropic'}/{model}"
    return {"model_name": group, "litellm_params": {"model": name, "api_base": base, "api_key": "stand-in"}}


@dataclass(frozen=True, slots=True)
class Completion:
    """What one completion took of the peer's process, and by the clock on the wall."""

    processor_ms: float
    wall_ms: float


@dataclass(frozen=True, slots=True)
class LiteLLM:
    """A Router that waits for a group to ask."""

    to: IO[str]
    answers: IO[str]

    def ask(self, group: str) -> "Completion":
        """Return what one completion took."""
        self.to.write(json.dumps(group) + "\n")
        self.to.flush()
        answer = self._line("> ")
        return Completion(float(answer["processor_ms"]), float(answer["ms"]))

    def wait(self) -> None:
        """Return when it is ready."""
        self._line("ready")

    def _line(self, mark: str) -> dict[str, Any]:
        for line in self.answers:
            if line.startswith(mark):
                return dict(json.loads(line.removeprefix(mark).strip() or "{}"))
        raise RuntimeError(f"LiteLLM ended: see {WORK / 'litellm.log'}")


@contextmanager
def router(models: list[dict[str, Any]], **more: Any) -> Iterator[LiteLLM]:
    """Have a Router with these deployments, all else at its defaults."""
    WORK.mkdir(parents=True, exist_ok=True)
    script = Path(__file__).with_name("litellm_peer.py")
    with (WORK / "litellm.log").open("w") as log:
        process = subprocess.Popen(
            [str(python_of(LITELLM)), "-P", str(script)],
            env=VARIABLES | {"HOME": str(WORK)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            assert process.stdin
            assert process.stdout
            process.stdin.write(json.dumps({"models": models, "prompt": PROMPT, **more}) + "\n")
            process.stdin.flush()
            peer = LiteLLM(process.stdin, process.stdout)
            peer.wait()
            yield peer
        finally:
            process.kill()
            process.wait()
