"""The local classifier: which type of task a text is, and how sure that is, without a model call.

A multinomial logistic regression over the features of `text_features`, trained by `training/train.py` and shipped as
8-bit weights. Inference is plain Python, so that the router's layer carries no numeric library.

The weights file holds a header (one line of JSON), the vocabulary (one a line, sorted, `vocabulary_bytes` long), then
one row of `len(labels) + 1` signed bytes per feature; the last one says how much it addresses the router (`steering`).
It is not compressed: reading it is most of what the router's start has to do.
"""

import json
import math
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

from pointsman.routing.classifier.injection_filter import without_steering
from pointsman.routing.classifier.packed_rows import Lanes
from pointsman.routing.classifier.request import Request, find_request
from pointsman.routing.classifier.spelling import Spelling
from pointsman.routing.classifier.text_features import (
    GRAM_UNITS,
    LEAD_UNITS,
    PAIR_UNITS,
    SHAPE_UNITS,
    UNIT,
    WORD_UNITS,
    Reading,
    Sentence,
    grams,
    read_features,
    sentence,
    sentences,
    word_pairs,
)
from pointsman.routing.classifier.verdict import Classification, first_two
from pointsman.values.taxonomy import TIER_OF, TYPES_OF, TaskType, Tier

WEIGHTS_FILE = "classifier.bin"
BACKGROUND = "background"
"""The label of everyday texts that are none of the types; its probability is doubt, never a verdict."""
FOLLOW_UP = "follow_up"
"""The label of texts that hold no task of their own: they continue what was said before."""
STEERED_CEILING = 0.5
"""Largest probability of a text that does little else than say how it is to be classified."""
LITTLE = 4
"""Where fewer words are left beside what addresses the router, the same holds."""
MAX_DECIDING_WORDS = 5
WORD_CACHE_SIZE = 20_000

type Scores = tuple[float, ...]


class LocalClassifier:
    """Classifies texts by shipped weights. Use `load`; the constructor takes the bytes of a weights file."""

    def __init__(self, raw: bytes) -> None:
        start = raw.index(b"\n") + 1
        self.header: Mapping[str, Any] = json.loads(raw[:start])
        rows = start + self.header["vocabulary_bytes"]
        self._vocabulary = raw[start:rows].decode().split("\n")
        self._row_of: dict[str, int] = dict(zip(self._vocabulary, range(len(self._vocabulary)), strict=True))
        self._labels: list[str] = self.header["labels"]
        self._column = {kind: self._labels.index(kind) for kind in TaskType}
        self._lanes = Lanes(raw[rows:], len(self._labels) + 1)
        self._words: dict[str, tuple[int, float]] = {}
        self._spelling = Spelling(self._known_words)
        self._forms: dict[str, str] = {}

    @classmethod
    def load(cls) -> "LocalClassifier":
        """Return the classifier with the weights of this package; they are read once per process."""
        return _load()

    def classify(self, text: str, among: Collection[TaskType] | None = None) -> Classification:
        """Return the verdict on a text, from all types or from those in `among`.

        Raises:
            ValueError: `among` is empty.
        """
        kinds = tuple(TaskType) if among is None else tuple(kind for kind in TaskType if kind in among)
        if not kinds:
            raise ValueError("among: at least one type is needed")
        reading, capped, found, steered = self._read(text)
        known_features, scores = self._score(reading)
        if not known_features:
            return _no_signal(kinds)
        masses = self._masses(scores)
        mass = {kind: masses[self._column[kind]] for kind in kinds}
        shares = self._calibrated(_evidence(reading, known_features, self._log_shares(masses)))
        allowed = {TIER_OF[kind] for kind in kinds}
        tiers = {tier: share for tier, share in zip(Tier, shares, strict=False) if tier in allowed}
        follow_up, background = shares[len(Tier)], shares[len(Tier) + 1]
        if among is not None:
            total = sum(tiers.values())
            tiers = {tier: share / total for tier, share in tiers.items()}
            follow_up = background = 0.0
        elif capped and max(tiers.values()) > STEERED_CEILING:
            tiers = {tier: share * STEERED_CEILING / max(tiers.values()) for tier, share in tiers.items()}
        tier, runner_up_tier = first_two(tiers)
        best = {own: _best_type([kind for kind in kinds if TIER_OF[kind] is own], mass) for own in tiers}
        kind, share = best[tier]
        runner_up = max((other for other in kinds if other is not kind), key=mass.__getitem__, default=kind)
        return Classification(
            type=kind,
            probability=tiers[tier] * share,
            words=self._deciding_words(reading, kind, runner_up),
            runner_up=runner_up,
            tier=tier,
            tier_probability=tiers[tier],
            runner_up_tier=runner_up_tier,
            tiers=tiers,
            follow_up=follow_up,
            background=background,
            request_found=found,
            steered=steered,
            best=best,
        )

    @property
    def vocabulary(self) -> Collection[str]:
        """The features that have weights."""
        return self._row_of.keys()

    def scores(self, text: str) -> Scores:
        """Return the score of each label of the header, in its order: log probabilities up to a constant."""
        return self._score(self._read(text)[0])[1]

    def evidence(self, text: str) -> tuple[float, ...]:
        """Return what the calibrated probabilities of a text depend on.

        In order: the log share of each tier, of `follow_up` and of `background` before calibration, the share of the
        text's words that training knew, and the logarithm of their weight. For training, which fits the calibration;
        `classify` applies it.
        """
        reading = self._read(text)[0]
        known_features, scores = self._score(reading)
        return _evidence(reading, known_features, self._log_shares(self._masses(scores)))

    def sentences(self, request: Request) -> list[Sentence]:
        """Return the sentences of a request as they are compared with what training knew."""
        return [self._known(part) for part in sentences(request)]

    def steering(self, part: Sentence) -> float:
        """Return how much a sentence addresses the router: log odds against a sentence about the work."""
        words = {norm for norm, _ in part.words}
        total = sum(self._word(norm)[0] for norm in words) + PAIR_UNITS * self._sum(set(part.pairs))
        header = self.header["steering"]
        scale: float = header["scale"] * UNIT * max(len(words), 3.0) ** -0.5
        return scale * self._lanes.one(total, len(self._labels)) + float(header["bias"])

    def _read(self, text: str) -> tuple[Reading, bool, bool, bool]:
        """Read a text without its steering.

        The other values: whether little else was there, whether a request was found, whether something was left out.
        """
        request = find_request(text)
        if request.ends:
            request = max((request._replace(text=end) for end in request.ends), key=self._clarity)
        parts = self.sentences(request)
        kept, steered = without_steering(
            parts,
            steering=lambda part: self.steering(part) - self.header["steering_from"],
            part_of=lambda part, text: self._known(sentence(text, part.units)),
        )
        left_out = steered or kept != parts
        capped = steered or (left_out and sum(len(part.words) for part in kept) < LITTLE)
        return read_features(kept, () if left_out else request.kinds), capped, request.found, left_out

    def _clarity(self, request: Request) -> float:
        """Return how much a text looks like a task of some tier."""
        reading = read_features(self.sentences(request))
        known_features, scores = self._score(reading)
        evidence = _evidence(reading, known_features, self._log_shares(self._masses(scores)))
        return max(self._calibrated(evidence)[: len(Tier)])

    def _known(self, part: Sentence) -> Sentence:
        """Return a sentence with known words in the place of their misspellings, and known pairs only."""
        words = tuple([(self._known_form(norm), surface) for norm, surface in part.words])
        near = part.pairs if words == part.words else word_pairs(words)
        return Sentence(part.text, words, tuple([pair for pair in near if pair in self._row_of]), part.units)

    def _known_words(self, first: str) -> list[str]:
        """Return the words that training knew by their first letter."""
        begin, end = (bisect_left(self._vocabulary, f"<{letter}") for letter in (first, chr(ord(first) + 1)))
        return [feature[1:-1] for feature in self._vocabulary[begin:end] if feature[-1] == ">"]

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

    def _log_shares(self, masses: list[float]) -> list[float]:
        """Return the log share of each tier, of `follow_up` and of `background`."""
        total = sum(masses)
        sums = [sum(masses[self._column[kind]] for kind in TYPES_OF[tier]) for tier in Tier]
        sums += [masses[self._labels.index(label)] for label in (FOLLOW_UP, BACKGROUND)]
        return [math.log(max(share / total, 1e-6)) for share in sums]

    def _calibrated(self, evidence: tuple[float, ...]) -> list[float]:
        """Return the probability of each tier, of `follow_up` and of `background`."""
        logits = [
            constant + sum(slope * value for slope, value in zip(slopes, evidence, strict=True))
            for constant, *slopes in self.header["calibration"]
        ]
        top = max(logits)
        shares = [math.exp(logit - top) for logit in logits]
        return [share / sum(shares) for share in shares]

    def _score(self, reading: Reading) -> tuple[float, Scores]:
        """Return the weight of the words that training knew, and the score of each label."""
        weight, total = 0.0, 0
        for norm, (_, units) in reading.words.items():
            row, familiarity = self._word(norm)
            weight += units * familiarity
            total += units * row
        leads = self._sum(extra for extra in reading.extras if extra[0] == "^")
        shapes = self._sum(extra for extra in reading.extras if extra[0] == "#")
        total += WORD_UNITS * (PAIR_UNITS * self._sum(reading.pairs) + LEAD_UNITS * leads + SHAPE_UNITS * shapes)
        scale = self.header["scale"] * UNIT**2 * reading.scale
        return weight * UNIT, tuple(
            scale * value + bias for value, bias in zip(self._lanes.all(total), self.header["bias"], strict=False)
        )

    def _sum(self, features: Iterable[str]) -> int:
        """Return the sum of the rows of those features that have weights."""
        row_of = self._row_of
        return self._lanes.sum([row_of[feature] for feature in features if feature in row_of])

    def _word(self, norm: str) -> tuple[int, float]:
        """Return the summed weights of a word's features, and how far training knew it: 1, or by its parts."""
        cached = self._words.get(norm)
        if cached is not None:
            return cached
        whole, parts = f"<{norm}>", grams(norm)
        known_parts = [part for part in parts if part in self._row_of]
        familiarity = 1.0 if whole in self._row_of else 0.5 * len(known_parts) / (len(parts) + 1)
        if len(self._words) >= WORD_CACHE_SIZE:
            self._words.clear()
        row = WORD_UNITS * self._sum((whole,)) + GRAM_UNITS * self._sum(known_parts)
        self._words[norm] = result = (row, familiarity)
        return result

    def _deciding_words(self, reading: Reading, kind: TaskType, runner_up: TaskType) -> tuple[str, ...]:
        """Return the written words with the greatest contribution to `kind` over `runner_up`, at most 5."""
        to, against = self._column[kind], self._column[runner_up]
        rows = [units * self._word(norm)[0] for norm, (_, units) in reading.words.items()]
        gain = dict(zip(reading.words, map(float, self._lanes.differences(rows, to, against)), strict=True))
        pair_rows = [WORD_UNITS * PAIR_UNITS * self._lanes.sum((self._row_of[pair],)) for pair in reading.pairs]
        for pair, share in zip(reading.pairs, self._lanes.differences(pair_rows, to, against), strict=True):
            for norm in pair.split(" "):
                gain[norm] += share / 2
        ranked = sorted((norm for norm in gain if gain[norm] > 0), key=lambda norm: -gain[norm])
        return tuple(reading.words[norm][0] for norm in ranked[:MAX_DECIDING_WORDS])


def _evidence(reading: Reading, known: float, log_shares: list[float]) -> tuple[float, ...]:
    total = UNIT * sum(units for _, units in reading.words.values()) or 1.0
    return (*log_shares, known / total, math.log1p(known))


def _best_type(kinds: Collection[TaskType], mass: Mapping[TaskType, float]) -> tuple[TaskType, float]:
    """Return the most probable of some types, and its share among them."""
    kind = max(kinds, key=mass.__getitem__)
    return kind, mass[kind] / sum(mass[other] for other in kinds)


def _no_signal(kinds: tuple[TaskType, ...]) -> Classification:
    """Return the verdict on a text without a known word: a blind guess, at the middle tier where it is allowed."""
    tiers = dict.fromkeys((TIER_OF[kind] for kind in kinds), 0.0)
    tiers = dict.fromkeys(tiers, 1 / len(tiers))
    tier = Tier.IMPLEMENTATION if Tier.IMPLEMENTATION in tiers else first_two(tiers)[0]
    ranked = sorted(kinds, key=lambda kind: TIER_OF[kind] is not tier)
    return Classification(
        type=ranked[0],
        probability=1 / len(kinds),
        words=(),
        runner_up=ranked[min(1, len(ranked) - 1)],
        tier=tier,
        tier_probability=tiers[tier],
        runner_up_tier=next((other for other in tiers if other is not tier), tier),
        tiers=tiers,
    )


@cache
def _load() -> LocalClassifier:
    return LocalClassifier((resources.files("pointsman") / "data" / WEIGHTS_FILE).read_bytes())
