"""The sample messages in `events/`; `python -m demo.samples FILE` prints the message of one of them.

A file is a message's body as it is sent, but for `*.spec.json`, which says how to make a large one.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from devstack.toolchain import ROOT
from pointsman.values.strict_json import dumps

FOLDER = ROOT / "events"
_SPEC = ".spec.json"


@dataclass(frozen=True, slots=True)
class Sample:
    """A message to send."""

    file: str
    """Its name in the folder."""
    number: int
    """What its name begins with; it sorts the samples."""
    body: str


def load(folder: Path = FOLDER) -> list[Sample]:
    """Return all samples, in the order of their numbers."""
    files = sorted(file for file in folder.iterdir() if file.name[:2].isdigit())
    return [Sample(file.name, int(file.name[:2]), body(file)) for file in files]


def body(file: Path) -> str:
    """Return the body of the message that a file holds or specifies."""
    text = file.read_text(encoding="utf-8")
    return _made(text) if file.name.endswith(_SPEC) else text


def _made(spec: str) -> str:
    """Return a task whose prompt is of exactly so many bytes: a beginning, and a numbered line again and again."""
    stated = json.loads(spec)
    prompt = stated["prompt"]
    parts, size, number = [prompt["begin"]], len(prompt["begin"].encode()), 0
    while size < prompt["bytes"]:
        number += 1
        parts.append(prompt["repeat"].replace("{n}", str(number)))
        size += len(parts[-1].encode())
    whole = "".join(parts).encode()[: prompt["bytes"]]
    return dumps({**stated["task"], "prompt": whole.decode(errors="ignore")})


if __name__ == "__main__":
    sys.stdout.write(body(Path(sys.argv[1])))
