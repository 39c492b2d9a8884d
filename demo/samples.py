"""The sample messages in `events/`; `python -m demo.samples FILE` prints one as it is sent.

A file is a message body, except `*.spec.json`, which specifies a large one.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from devstack.toolchain import ROOT
from pointsman.values.strict_json import dumps

SAMPLES_FOLDER = ROOT / "events"
_SPEC = ".spec.json"


@dataclass(frozen=True, slots=True)
class Sample:
    """A message to send."""

    file: str
    """The file's name."""
    number: int
    """The number at the start of the name; the samples' order."""
    body: str


def load_samples(folder: Path = SAMPLES_FOLDER) -> list[Sample]:
    """Return all samples, in order of number."""
    files = sorted(file for file in folder.iterdir() if file.name[:2].isdigit())
    return [Sample(file.name, int(file.name[:2]), _read_body(file)) for file in files]


def _read_body(file: Path) -> str:
    """Return the message body that a file contains or specifies."""
    text = file.read_text(encoding="utf-8")
    return _expand_spec(text) if file.name.endswith(_SPEC) else text


def _expand_spec(spec_json: str) -> str:
    """Return a task whose prompt has an exact size in bytes: a beginning, then a numbered line repeated."""
    spec = json.loads(spec_json)
    prompt = spec["prompt"]
    parts, size, number = [prompt["begin"]], len(prompt["begin"].encode()), 0
    while size < prompt["bytes"]:
        number += 1
        parts.append(prompt["repeat"].replace("{n}", str(number)))
        size += len(parts[-1].encode())
    whole = "".join(parts).encode()[: prompt["bytes"]]
    return dumps({**spec["task"], "prompt": whole.decode(errors="ignore")})


if __name__ == "__main__":
    sys.stdout.write(_read_body(Path(sys.argv[1])))
