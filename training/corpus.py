"""The training texts, and the hash by which the weights remember them."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from pointsman.routing.classifier.local import BACKGROUND, FOLLOW_UP
from pointsman.values.taxonomy import TaskType
from training import steering

HERE = Path(__file__).parent
TEXTS = HERE / "classifier"
FIELD = HERE / "field"
PHRASES = HERE / "phrases.jsonl"
BACKGROUND_TEXTS = HERE / "background.jsonl"


@dataclass(frozen=True, slots=True)
class Sample:
    """A labelled text."""

    text: str
    label: str
    """A task type, FOLLOW_UP or BACKGROUND."""
    kind: str
    lang: str
    group: str
    """Samples of one group never stand on both sides of a fold."""
    style: str | None = None
    """Where such a text would come from; of the texts of `field/` alone."""


def files() -> list[Path]:
    """Return the files that make the training set, in the order in which they are read and hashed."""
    written = [TEXTS / f"{kind}.jsonl" for kind in sorted(TaskType)]
    field = [FIELD / f"{label}.jsonl" for label in sorted((*TaskType, FOLLOW_UP))]
    return [*(path for path in written if path.exists()), *field, BACKGROUND_TEXTS, PHRASES, steering.FILE]


def training_hash() -> str:
    """Return the SHA-256 over names and contents of the training set's files, in hex."""
    digest = hashlib.sha256()
    for path in files():
        content = path.read_bytes()
        digest.update(f"{path.parent.name}/{path.name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def texts() -> list[Sample]:
    """Return the whole-text samples: what the cross-validation is about."""
    samples: list[Sample] = []
    seen: set[str] = set()
    for path in files()[:-2]:
        label = BACKGROUND if path == BACKGROUND_TEXTS else path.stem
        for row in _rows(path):
            text = row["text"].strip()
            if text and text not in seen:
                seen.add(text)
                samples.append(Sample(text, label, row["kind"], row["lang"], _group(text), row.get("style")))
    return samples


def phrases() -> list[Sample]:
    """Return the phrases: vocabulary of each type in several languages, for training only."""
    return [
        Sample(phrase, row["type"], "phrase", row["lang"], "phrases")
        for row in _rows(PHRASES)
        for phrase in row["phrases"]  # a list in this file
    ]


def _group(text: str) -> str:
    """Return a key that texts alike in all but numbers and names' case share: their first eight words."""
    words = "".join(char.lower() if char.isalpha() else " " for char in text).split()
    return " ".join(words[:8]) or text
