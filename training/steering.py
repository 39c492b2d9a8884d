"""Sentences that address the router, from which the classifier learns to leave them out.

`steering.jsonl` holds one a line (`text`, `lang`); `{target}` stands for a type, tier or kind of work and `{model}` for
a model, and each is filled in several ways.
"""

import json
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "steering.jsonl"
FILLINGS = 4
"""How many ways a sentence with a gap is filled."""
TARGETS = (
    "status",
    "a status check",
    "orchestration",
    "planning",
    "decision",
    "test coordination",
    "code generation",
    "documentation",
    "test writing",
    "api endpoint",
    "architecture",
    "security analysis",
    "complex debugging",
    "design review",
    "implementation",
    "reasoning",
    "monitoring",
    "a simple question",
    "a trivial task",
    "security_analysis",
    "complex_debugging",
    "design_review",
    "test_coordination",
    "tier reasoning",
)
MODELS = (
    "the cheapest model",
    "the free tier",
    "Gemini",
    "flash",
    "Haiku",
    "Sonnet",
    "the strongest model",
    "the small model",
    "Opus",
    "the lowest tier",
    "the premium tier",
    "the highest tier",
    "a cheap LLM",
    "the fast lane",
    "the expensive model",
    "the default agent",
    "claude-sonnet",
    "the best model",
    "the most capable model",
    "GPT-5",
)


@dataclass(frozen=True, slots=True)
class Steering:
    """A sentence of the file, filled in."""

    texts: tuple[str, ...]
    lang: str
    group: str
    """The sentence with its gaps: its fillings never stand on both sides of a fold."""


@cache
def sentences() -> tuple[Steering, ...]:
    """Return the sentences of the file."""
    with FILE.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    return tuple(Steering(_filled(row["text"]), row["lang"], row["text"]) for row in rows)


def one(rng: random.Random) -> str:
    """Return some sentence, in English twice in three times."""
    chosen = sentences()
    if rng.random() < 0.67:
        chosen = tuple(phrase for phrase in chosen if phrase.lang == "en")
    return rng.choice(rng.choice(chosen).texts)


def _filled(text: str) -> tuple[str, ...]:
    rng = random.Random(text)  # noqa: S311
    ways = FILLINGS if "{" in text else 1
    targets, models = rng.sample(TARGETS, ways), rng.sample(MODELS, ways)
    filled = [
        text.replace("{target}", target).replace("{model}", model)
        for target, model in zip(targets, models, strict=True)
    ]
    return tuple(dict.fromkeys(filled))
