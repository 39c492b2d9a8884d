"""Fits the logistic regression and packs it into the weights file. Needs scikit-learn (group `train`)."""

import gzip
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from pointsman.domain.classifier import BACKGROUND
from pointsman.domain.taxonomy import TIER_OF, TaskType, Tier
from pointsman.domain.text_features import LEAD_WEIGHT, PAIR_WEIGHT, SHAPE_WEIGHT, read, word_features
from training.augment import variants
from training.corpus import Sample

LABELS = [*(str(kind) for kind in TaskType), BACKGROUND]
REGULARISATION = 6.0
"""scikit-learn's C: the inverse of the penalty's strength."""
MIN_TEXTS = 2
"""A feature must occur in that many texts."""
MAX_FEATURES = 60_000
PHRASE_WEIGHT = 0.6
BACKGROUND_WEIGHT = 2.0
RARITY = 1.0
"""Power of the inverse document frequency that multiplies a feature's values; folded into its weights afterwards."""
TIER_COST = {Tier.ORCHESTRATION: 1.0, Tier.IMPLEMENTATION: 1.05, Tier.REASONING: 1.15}
"""What a wrong verdict costs by the tier a text belongs to: too cheap a tier is the worse error."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A sample's variants as features, made once and used in every fold."""

    sample: Sample
    rows: tuple[dict[str, float], ...]
    """The text itself first, then its variants."""


def features(text: str) -> dict[str, float]:
    """Return the features of a text with their values."""
    reading = read(text)
    values: dict[str, float] = {}

    def add(name: str, weight: float) -> None:
        values[name] = values.get(name, 0.0) + weight * reading.scale

    for word in reading.words:
        for name, weight in word_features(word.norm):
            add(name, weight * word.weight)
    for first, second in reading.pairs:
        add(f"{first} {second}", PAIR_WEIGHT)
    for extra in reading.extras:
        add(extra, LEAD_WEIGHT if extra[0] == "^" else SHAPE_WEIGHT)
    return values


def prepare(sample: Sample) -> Prepared:
    """Return a sample's features; phrases are too short to be varied."""
    texts = [sample.text] if sample.kind == "phrase" else list(variants(sample.text))
    return Prepared(sample, tuple(features(text) for text in texts))


@dataclass(frozen=True, slots=True)
class Model:
    """Fitted weights, in 8 bits each: `scale * rows` are the coefficients."""

    vocabulary: tuple[str, ...]
    rows: np.ndarray[Any, np.dtype[np.int8]]
    scale: float
    bias: tuple[float, ...]


def fit(prepared: Sequence[Prepared]) -> Model:
    """Fit on samples and their variants, and round to 8 bits."""
    counts: Counter[str] = Counter()
    for one in prepared:
        counts.update(one.rows[0].keys())
    frequent = [name for name in counts if counts[name] >= MIN_TEXTS]
    frequent.sort(key=lambda name: (-counts[name], name))
    vocabulary = sorted(frequent[:MAX_FEATURES])
    index = {name: column for column, name in enumerate(vocabulary)}
    data: list[float] = []
    columns: list[int] = []
    ends = [0]
    labels: list[int] = []
    weights: list[float] = []
    label_sizes = Counter(one.sample.label for one in prepared if one.sample.kind != "phrase")
    typical = sum(label_sizes.values()) / len(label_sizes)
    for one in prepared:
        label = one.sample.label
        weight = PHRASE_WEIGHT if one.sample.kind == "phrase" else (typical / label_sizes[label]) ** 0.5
        weight *= BACKGROUND_WEIGHT if label == BACKGROUND else TIER_COST[TIER_OF[TaskType(label)]]
        for row in one.rows:
            for name, value in row.items():
                column = index.get(name)
                if column is not None:
                    columns.append(column)
                    data.append(value)
            ends.append(len(columns))
            labels.append(LABELS.index(label))
            weights.append(weight / len(one.rows))
    matrix = sparse.csr_matrix((data, columns, ends), shape=(len(labels), len(vocabulary)), dtype=np.float64)
    occurrences = np.array([1 + counts[name] for name in vocabulary])
    rarity = (np.log((1 + len(prepared)) / occurrences) / np.log(len(prepared) / 10)) ** RARITY
    regression = LogisticRegression(C=REGULARISATION, solver="lbfgs", max_iter=300, tol=1e-4)
    regression.fit(matrix @ sparse.diags(rarity), labels, sample_weight=weights)
    coefficients = np.zeros((len(LABELS), len(vocabulary)))
    bias = np.full(len(LABELS), -20.0)
    coefficients[regression.classes_] = regression.coef_ * rarity
    bias[regression.classes_] = regression.intercept_
    scale = float(np.quantile(np.abs(coefficients).max(axis=0), 0.9995)) / 127
    rows = np.clip(np.rint(coefficients.T / scale), -127, 127).astype(np.int8)
    used = rows.any(axis=1)
    return Model(
        tuple(name for name, keep in zip(vocabulary, used, strict=True) if keep),
        rows[used],
        round(scale, 12),
        tuple(round(float(value), 6) for value in bias),
    )


def pack(model: Model, **header: object) -> bytes:
    """Return the bytes of a weights file: the same for the same model and header, on any day."""
    vocabulary = "\n".join(model.vocabulary).encode()
    head = {"labels": LABELS, "bias": model.bias, "scale": model.scale, "vocabulary_bytes": len(vocabulary), **header}
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as file:
        file.write(json.dumps(head, sort_keys=True).encode() + b"\n" + vocabulary + model.rows.tobytes())
    return packed.getvalue()
