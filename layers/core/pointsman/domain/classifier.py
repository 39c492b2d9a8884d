"""The local classifier: which type of task a text is, and how sure that is, without a model call.

A multinomial logistic regression over the features of `text_features`, trained by `training/train.py` and shipped as
8-bit weights. Inference is plain Python, so that the router's layer carries no numeric library.

The weights file is gzip over: a header (one line of JSON), the vocabulary (one a line, `vocabulary_bytes` long),
then one row of `len(labels)` signed bytes per feature.
"""

import gzip
import json
import math
import struct
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from pointsman.domain.spelling import Spelling
from pointsman.domain.taxonomy import TIER_OF, TaskType, Tier
from pointsman.domain.text_features import (
    LEAD_WEIGHT,
    PAIR_WEIGHT,
    SHAPE_WEIGHT,
    Reading,
    read,
    word_features,
)

WEIGHTS_FILE = "classifier.bin.gz"
BACKGROUND = "background"
"""The label of texts that are none of the types; its probability is doubt, never a verdict."""
STEERED_CEILING = 0.5
"""Largest probability of a text that does little else than say how it is to be classified."""
MAX_DECIDING_WORDS = 5
WORD_CACHE_SIZE = 20_000

type Scores = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the classifier makes of a text. `type` is always a type of `tier`."""

    type: TaskType
    """The most probable type of the most probable tier."""
    probability: float
    """Calibrated probability of `type`."""
    words: tuple[str, ...]
    """The words of the text that spoke for `type` against `runner_up`, strongest first; at most 5."""
    runner_up: TaskType
    """The most probable other type; `type` itself if only one was allowed."""
    tier: Tier
    """The most probable tier: the sum over its types."""
    tier_probability: float
    """Calibrated probability of `tier`."""
    runner_up_tier: Tier
    """The most probable other tier; `tier` itself if only one was allowed."""


class LocalClassifier:
    """Classifies texts by shipped weights. Use `load`; the constructor takes the bytes of a weights file."""

    def __init__(self, packed: bytes) -> None:
        raw = gzip.decompress(packed)
        start = raw.index(b"\n") + 1
        self.header: Mapping[str, Any] = json.loads(raw[:start])
        rows = start + self.header["vocabulary_bytes"]
        vocabulary = raw[start:rows].decode().split("\n")
        self._row_of: dict[str, int] = dict(zip(vocabulary, range(len(vocabulary)), strict=True))
        self._rows = raw[rows:]
        self._labels: list[str] = self.header["labels"]
        self._column = {kind: self._labels.index(kind) for kind in TaskType}
        self._unpack = struct.Struct(f"{len(self._labels)}b").unpack_from
        self._width = len(self._labels)
        self._nothing: Scores = (0.0,) * self._width
        self._words: dict[str, tuple[Scores, float]] = {}
        self._spelling = Spelling(feature[1:-1] for feature in vocabulary if feature[0] == "<" and feature[-1] == ">")
        self._forms: dict[str, str] = {}

    @classmethod
    def load(cls) -> "LocalClassifier":
        """Return the classifier with the weights of this package; they are read once per process."""
        return _load()

    @property
    def threshold(self) -> float:
        """The `tier_probability` from which a verdict was right 95 times in 100 in cross-validation."""
        return float(self.header["threshold"])

    def classify(self, text: str, among: Collection[TaskType] | None = None) -> Verdict:
        """Return the verdict on a text, from all types or from those in `among`.

        Raises:
            ValueError: `among` is empty.
        """
        kinds = tuple(TaskType) if among is None else tuple(kind for kind in TaskType if kind in among)
        if not kinds:
            raise ValueError("among: at least one type is needed")
        reading = self._read(text)
        known, scores = self._score(reading)
        if not known:
            return _no_signal(kinds)
        masses = self._masses(scores)
        mass = {kind: masses[self._column[kind]] for kind in kinds}
        tiers = self._tier_masses(masses, kinds)
        tier, runner_up_tier = _first_two(tiers)
        kind = max((kind for kind in kinds if TIER_OF[kind] is tier), key=mass.__getitem__)
        runner_up = max((other for other in kinds if other is not kind), key=mass.__getitem__, default=kind)
        tier_probability = 1.0
        if len(tiers) > 1:
            doubt = masses[self._labels.index(BACKGROUND)] if among is None else 0.0
            share = tiers[tier] / (sum(tiers.values()) + doubt)
            tier_probability = self._confidence(_evidence(reading, known, share))
            if reading.steered:
                tier_probability = min(tier_probability, STEERED_CEILING)
        return Verdict(
            type=kind,
            probability=tier_probability * mass[kind] / tiers[tier],
            words=self._deciding_words(reading, kind, runner_up),
            runner_up=runner_up,
            tier=tier,
            tier_probability=tier_probability,
            runner_up_tier=runner_up_tier,
        )

    @property
    def vocabulary(self) -> Collection[str]:
        """The features that have weights."""
        return self._row_of.keys()

    def scores(self, text: str) -> Scores:
        """Return the score of each label of the header, in its order: log probabilities up to a constant."""
        return self._score(self._read(text))[1]

    def evidence(self, text: str) -> tuple[float, ...]:
        """Return what the calibrated probability of a text's tier depends on, besides a constant.

        In order: the log odds of the tier before calibration, the share of the text's words that training knew, and the
        logarithm of their weight. For training, which fits the calibration; `classify` applies it.
        """
        reading = self._read(text)
        known, scores = self._score(reading)
        masses = self._masses(scores)
        tiers = self._tier_masses(masses, tuple(TaskType))
        return _evidence(reading, known, max(tiers.values()) / sum(masses))

    def _read(self, text: str) -> Reading:
        """Read a text and put known words in the place of their misspellings."""
        reading = read(text)
        form = {word.norm: self._known_form(word.norm) for word in reading.words}
        return reading._replace(
            words=tuple(word._replace(norm=form[word.norm]) for word in reading.words),
            pairs=tuple((form[first], form[second]) for first, second in reading.pairs),
        )

    def _known_form(self, norm: str) -> str:
        form = self._forms.get(norm)
        if form is None:
            if len(self._forms) >= WORD_CACHE_SIZE:
                self._forms.clear()
            self._forms[norm] = form = norm if f"<{norm}>" in self._row_of else self._spelling.nearest(norm)
        return form

    def _masses(self, scores: Scores) -> list[float]:
        """Return what is proportional to the probability of each label."""
        exponents = [score * self.header["sharpness"] for score in scores]
        top = max(exponents)
        return [math.exp(exponent - top) for exponent in exponents]

    def _tier_masses(self, masses: list[float], kinds: tuple[TaskType, ...]) -> dict[Tier, float]:
        tiers = dict.fromkeys((TIER_OF[kind] for kind in kinds), 0.0)
        for kind in kinds:
            tiers[TIER_OF[kind]] += masses[self._column[kind]]
        return tiers

    def _confidence(self, evidence: tuple[float, ...]) -> float:
        constant, *slopes = self.header["calibration"]
        logit = constant + sum(slope * value for slope, value in zip(slopes, evidence, strict=True))
        return 1.0 / (1.0 + math.exp(-max(min(logit, 30.0), -30.0)))

    def _score(self, reading: Reading) -> tuple[float, Scores]:
        """Return the weight of the words that training knew, and the score of each label."""
        plain: list[Scores] = []
        machine: list[Scores] = []
        machine_weight = 1.0
        known = 0.0
        for word in reading.words:
            scores, familiarity = self._word(word.norm)
            known += word.weight * familiarity
            if word.weight == 1.0:
                plain.append(scores)
            else:
                machine.append(scores)
                machine_weight = word.weight
        pairs = [
            self._row(f"{first} {second}") for first, second in reading.pairs if f"{first} {second}" in self._row_of
        ]
        leads = [self._row(extra) for extra in reading.extras if extra[0] == "^"]
        shapes = [self._row(extra) for extra in reading.extras if extra[0] == "#"]
        scale = self.header["scale"] * reading.scale
        sums = zip(
            *(_column_sums(rows, self._nothing) for rows in (plain, machine, pairs, leads, shapes)),
            self.header["bias"],
            strict=True,
        )
        return known, tuple(
            scale * (a + machine_weight * b + PAIR_WEIGHT * c + LEAD_WEIGHT * d + SHAPE_WEIGHT * e) + bias
            for a, b, c, d, e, bias in sums
        )

    def _row(self, feature: str) -> Scores:
        index = self._row_of.get(feature)
        return self._nothing if index is None else self._unpack(self._rows, index * self._width)

    def _word(self, norm: str) -> tuple[Scores, float]:
        """Return the summed weights of a word's features, and how far training knew it: 1, or by its parts."""
        cached = self._words.get(norm)
        if cached is not None:
            return cached
        features = word_features(norm)
        rows = [(self._row(name), weight) for name, weight in features if name in self._row_of]
        sums = (
            tuple(sum(row[label] * weight for row, weight in rows) for label in range(self._width))
            if rows
            else self._nothing
        )
        familiarity = 1.0 if features[0][0] in self._row_of else 0.5 * len(rows) / len(features)
        if len(self._words) >= WORD_CACHE_SIZE:
            self._words.clear()
        self._words[norm] = result = (sums, familiarity)
        return result

    def _deciding_words(self, reading: Reading, kind: TaskType, runner_up: TaskType) -> tuple[str, ...]:
        """Return the written words with the greatest contribution to `kind` over `runner_up`, at most 5."""
        to, against = self._column[kind], self._column[runner_up]
        gain = {
            word.norm: word.weight * (scores[to] - scores[against])
            for word in reading.words
            for scores in (self._word(word.norm)[0],)
        }
        for first, second in reading.pairs:
            row = self._row(f"{first} {second}")
            share = PAIR_WEIGHT * (row[to] - row[against]) / 2
            gain[first] += share
            gain[second] += share
        surface = {word.norm: word.surface for word in reading.words}
        ranked = sorted((norm for norm in gain if gain[norm] > 0), key=lambda norm: -gain[norm])
        return tuple(surface[norm] for norm in ranked[:MAX_DECIDING_WORDS])


def _evidence(reading: Reading, known: float, share: float) -> tuple[float, ...]:
    clipped = min(max(share, 1e-6), 1.0 - 1e-6)
    total = sum(word.weight for word in reading.words) or 1.0
    return (math.log(clipped / (1.0 - clipped)), known / total, math.log1p(known))


def _column_sums(rows: Collection[Scores], nothing: Scores) -> Iterable[float]:
    return map(sum, zip(*rows, strict=True)) if rows else nothing


def _first_two(tiers: Mapping[Tier, float]) -> tuple[Tier, Tier]:
    """Return the most and the second most probable tier; of equals the dearer comes first."""
    order = list(Tier)
    ranked = sorted(tiers, key=lambda tier: (tiers[tier], order.index(tier)), reverse=True)
    return ranked[0], ranked[min(1, len(ranked) - 1)]


def _no_signal(kinds: tuple[TaskType, ...]) -> Verdict:
    """Return the verdict on a text without a known word: the dearest tier, with the probability of a blind guess."""
    tiers = {TIER_OF[kind]: 0.0 for kind in kinds}
    tier, runner_up_tier = _first_two(tiers)
    ranked = sorted(kinds, key=lambda kind: TIER_OF[kind] is not tier)
    return Verdict(
        type=ranked[0],
        probability=1 / len(kinds),
        words=(),
        runner_up=ranked[min(1, len(ranked) - 1)],
        tier=tier,
        tier_probability=1 / len(tiers),
        runner_up_tier=runner_up_tier,
    )


@cache
def _load() -> LocalClassifier:
    return LocalClassifier((resources.files("pointsman") / "data" / WEIGHTS_FILE).read_bytes())
