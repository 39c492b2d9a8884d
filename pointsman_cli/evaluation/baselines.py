"""What the decisions are compared with: every task to one tier, rules that look for words, and LiteLLM's local routers.

LiteLLM is run by a Python that has it; it is no dependency of ours. Its four grades are read as our tiers: SIMPLE as
orchestration, MEDIUM as implementation, COMPLEX and REASONING as reasoning. Its routers only look at the text, with
their defaults; no model and no address is reached. One sorts by rules, the newer one by what it has learnt of models'
success (`heuristic_v2`). Its quality router grades by the same rules; its semantic one needs a model of embeddings.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from pointsman.values.taxonomy import Tier

_KEYWORDS: dict[str, list[str]] = json.loads((files(__package__) / "keywords.json").read_text(encoding="utf-8"))
"""Regular expressions by tier, the most expensive tier first."""
_PATTERNS = {Tier(tier): re.compile(rf"\b(?:{'|'.join(words)})\b", re.IGNORECASE) for tier, words in _KEYWORDS.items()}


def by_keywords(text: str) -> Tier:
    """Return the tier whose words occur most often; of equals the dearer, of none the middle one."""
    hits = {tier: len(pattern.findall(text)) for tier, pattern in _PATTERNS.items()}
    best = max(hits, key=lambda tier: hits[tier])
    return best if hits[best] else Tier.IMPLEMENTATION


def _always(tier: Tier) -> Callable[[str], Tier]:
    return lambda _: tier


BASELINES: Mapping[str, Callable[[str], Tier]] = {
    **{f"always {tier}": _always(tier) for tier in Tier},
    "keyword rules": by_keywords,
}


LITELLM = "LiteLLM complexity router"
LITELLM_PREDICTOR = "LiteLLM tier predictor"
_SECONDS = 180.0
_TIERS = {
    "SIMPLE": Tier.ORCHESTRATION,
    "MEDIUM": Tier.IMPLEMENTATION,
    "COMPLEX": Tier.REASONING,
    "REASONING": Tier.REASONING,
}
_SCRIPT = """
import json, sys
texts = json.load(sys.stdin)
from importlib.metadata import version
from litellm.router_strategy.complexity_router.complexity_router import ComplexityRouter
tiers = dict.fromkeys(("SIMPLE", "MEDIUM", "COMPLEX", "REASONING"), "model")
router = ComplexityRouter("complexity", None, {"tiers": tiers}, "model")
grades = [getattr(router.classify(text)[0], "value", None) for text in texts]
names = list(tiers)
try:
    from litellm.router_strategy.adaptive_router.classifier import classify_prompt
    from litellm.router_strategy.complexity_router.tier_predictor import TierSuccessPredictor, resolve_tier_artifact
    predictor = TierSuccessPredictor(resolve_tier_artifact("ultrafeedback"))
    predicted = [names[predictor.predict(text, classify_prompt(text)).required_tier - 1] for text in texts]
except ImportError:
    predicted = None
print("\\n" + json.dumps({"version": version("litellm"), "grades": grades, "predicted": predicted}))
"""


@dataclass(frozen=True, slots=True)
class Graded:
    """What LiteLLM made of the texts, or why there is nothing."""

    version: str | None
    tiers: tuple[Tier, ...] | None
    skipped: str | None = None
    predicted: tuple[Tier, ...] | None = None
    """By its tier predictor; None: that version has none."""

    def part(self, chosen: Sequence[int]) -> "Graded":
        """Return what was made of some of the texts, by their numbers."""
        tiers, predicted = (
            whole and tuple(whole[number] for number in chosen) for whole in (self.tiers, self.predicted)
        )
        return replace(self, tiers=tiers, predicted=predicted)


def grade(texts: Sequence[str], python: Path | None) -> Graded:
    """Return the tier of each text by the LiteLLM of that interpreter's environment."""
    if python is None:
        return _skipped("no environment that has LiteLLM was named (--litellm PYTHON)")
    try:
        run = subprocess.run(
            [python, "-I", "-c", _SCRIPT],
            input=json.dumps(texts),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=_SECONDS,
            check=False,
            env={"PATH": os.environ.get("PATH", ""), "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        )
    except OSError as error:
        return _skipped(f"{python}: {error.strerror}")
    except subprocess.TimeoutExpired:
        return _skipped(f"no answer within {_SECONDS:.0f} s")
    if run.returncode:
        last = run.stderr.strip().splitlines()[-1:] or [f"exit code {run.returncode}"]
        return _skipped(last[0])
    try:
        answer = json.loads(run.stdout.splitlines()[-1])
        tiers, predicted = (
            tuple(_TIERS[name] for _, name in zip(texts, names, strict=True)) if names is not None else None
            for names in (answer["grades"], answer.get("predicted"))
        )
        return Graded(str(answer["version"]), tiers, predicted=predicted)
    except (IndexError, KeyError, TypeError, ValueError) as error:
        return _skipped(f"an answer that is not understood ({type(error).__name__})")


def _skipped(why: str) -> Graded:
    return Graded(None, None, why)
