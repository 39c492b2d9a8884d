"""Fits the logistic regression and packs it into the weights file. Needs scikit-learn (group `train`)."""

import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from pointsman.routing.classifier.local import BACKGROUND, FOLLOW_UP
from pointsman.routing.classifier.request import Request, find_request
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
    sentences,
)
from pointsman.values.taxonomy import TIER_OF, TaskType, Tier
from training import steering
from training.augment import ASIDES, typos, variants
from training.corpus import Sample

LABELS = [*(str(kind) for kind in TaskType), FOLLOW_UP, BACKGROUND]
REGULARISATION = 6.0
"""scikit-learn's C: the inverse of the penalty's strength."""
STEERING_WEIGHT = 4.0
"""Of a sentence that addresses the router, against one about the work: there are fewer of them."""
MIN_TEXTS = 2
"""A feature must occur in that many texts."""
MAX_FEATURES = 45_000
MOST_STEPS = 60
"""Of the optimiser; more change the verdicts no more than another sample of texts would."""
PHRASE_WEIGHT = 0.6
NO_TASK_WEIGHT = {BACKGROUND: 2.0, FOLLOW_UP: 1.5}
FIELD_WEIGHT = 2.5
"""Of a text in the styles that people write in, against the others."""
RARITY = 1.0
"""Power of the inverse document frequency that multiplies a feature's values; folded into its weights afterwards."""
TIER_COST = {Tier.ORCHESTRATION: 1.0, Tier.IMPLEMENTATION: 1.05, Tier.REASONING: 1.15}
"""What a wrong verdict costs by the tier a text belongs to: too cheap a tier is the worse error."""


type Values = dict[str, float]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A sample's variants as features, made once and used in every fold."""

    sample: Sample
    rows: tuple[Values, ...]
    """The text itself first, then its variants."""
    sentences: tuple[Values, ...]
    """The sentences of the text itself."""


@dataclass(frozen=True, slots=True)
class PreparedSteering:
    """A sentence that addresses the router, in all its fillings."""

    group: str
    sentences: tuple[Values, ...]


def features(reading: Reading) -> Values:
    """Return the features of a text with their values."""
    values: Values = {}

    def add(name: str, units: float) -> None:
        values[name] = values.get(name, 0.0) + UNIT * units * reading.scale

    for norm, (_, units) in reading.words.items():
        share = UNIT * units
        add(f"<{norm}>", share * WORD_UNITS)
        for gram in grams(norm):
            add(gram, share * GRAM_UNITS)
    for pair in reading.pairs:
        add(pair, PAIR_UNITS)
    for extra in reading.extras:
        add(extra, LEAD_UNITS if extra[0] == "^" else SHAPE_UNITS)
    return values


def _sentence_features(text: str) -> tuple[Values, ...]:
    """Return the features of each sentence of a text, as a text of its own without leads and shapes."""
    return _parts_features(sentences(find_request(text)))


def _parts_features(parts: Sequence[Sentence]) -> tuple[Values, ...]:
    alone = (read_features([part._replace(units=WORD_UNITS)])._replace(extras=()) for part in parts)
    return tuple(features(reading) for reading in alone)


def prepare(sample: Sample) -> Prepared:
    """Return a sample's features; phrases are too short to be varied."""
    texts = [sample.text] if sample.kind == "phrase" else list(variants(sample.text))
    requests = (find_request(text) for text in texts)
    rows = (features(read_features(sentences(request), request.kinds)) for request in requests)
    return Prepared(sample, tuple(rows), _sentence_features(sample.text))


def prepare_steering() -> list[PreparedSteering]:
    """Return the features of the sentences that address the router, with typing errors as well."""
    return [
        PreparedSteering(
            sentence_record.group,
            tuple(
                values
                for text in sentence_record.texts
                for variant in (text, typos(text, random.Random(text)))  # noqa: S311
                for values in _parts_features(sentences(Request(variant, "", frozenset(), True)))
            ),
        )
        for sentence_record in steering.sentences()
    ]


@dataclass(frozen=True, slots=True)
class Model:
    """Fitted weights, in 8 bits each: times their scale they are the coefficients."""

    vocabulary: tuple[str, ...]
    rows: np.ndarray[Any, np.dtype[np.int8]]
    """A column per label, and one more for steering."""
    scale: float
    bias: tuple[float, ...]
    steering: dict[str, float]
    """Scale and bias of the last column."""


def fit(prepared: Sequence[Prepared], steers: Sequence[PreparedSteering]) -> Model:
    """Fit on samples and their variants, and round to 8 bits."""
    counts: Counter[str] = Counter()
    for one in prepared:
        counts.update(one.rows[0].keys())
    for steer in steers:
        counts.update(steer.sentences[0].keys())
    frequent = [name for name in counts if counts[name] >= MIN_TEXTS]
    frequent.sort(key=lambda name: (-counts[name] - _is_word(name), not _is_word(name), name))
    vocabulary = sorted(frequent[:MAX_FEATURES])
    index = {name: column for column, name in enumerate(vocabulary)}
    rows: list[Values] = []
    labels: list[int] = []
    weights: list[float] = []
    label_sizes = Counter(one.sample.label for one in prepared if one.sample.kind != "phrase")
    typical = sum(label_sizes.values()) / len(label_sizes)
    for one in prepared:
        label = one.sample.label
        weight = PHRASE_WEIGHT if one.sample.kind == "phrase" else (typical / label_sizes[label]) ** 0.5
        weight *= FIELD_WEIGHT if one.sample.style else 1.0
        weight *= NO_TASK_WEIGHT[label] if label in NO_TASK_WEIGHT else TIER_COST[TIER_OF[TaskType(label)]]
        for row in one.rows:
            rows.append(row)
            labels.append(LABELS.index(label))
            weights.append(weight / len(one.rows))
    occurrences = np.array([1 + counts[name] for name in vocabulary])
    rarity = (np.log((1 + len(prepared)) / occurrences) / np.log(len(prepared) / 10)) ** RARITY
    regression = LogisticRegression(C=REGULARISATION, solver="lbfgs", max_iter=MOST_STEPS, tol=1e-4)
    regression.fit(_matrix(rows, index) @ sparse.diags(rarity.astype(np.float32)), labels, sample_weight=weights)
    coefficients = np.zeros((len(LABELS), len(vocabulary)))
    bias = np.full(len(LABELS), -20.0)
    coefficients[regression.classes_] = regression.coef_ * rarity
    bias[regression.classes_] = regression.intercept_
    steering_coefficients, steering_bias = _fit_steering(prepared, steers, index, rarity)
    scale, columns = _rounded(coefficients)
    steering_scale, steering_column = _rounded(steering_coefficients)
    packed = np.vstack([columns, steering_column]).T
    used = packed.any(axis=1)
    return Model(
        tuple(name for name, keep in zip(vocabulary, used, strict=True) if keep),
        packed[used],
        scale,
        tuple(round(float(value), 6) for value in bias),
        {"scale": steering_scale, "bias": round(steering_bias, 6)},
    )


def _is_word(name: str) -> bool:
    """Tell whether a feature is a whole word, which says as much as its parts and pairs that occur in one text more.

    Else the rare words of languages with few texts are what `MAX_FEATURES` cuts off.
    """
    return name[0] == "<" and name[-1] == ">"


def _fit_steering(
    prepared: Sequence[Prepared],
    steers: Sequence[PreparedSteering],
    index: dict[str, int],
    rarity: np.ndarray[Any, np.dtype[np.float64]],
) -> tuple[np.ndarray[Any, np.dtype[np.float64]], float]:
    """Fit what tells sentences that address the router from those about the work; return coefficients and bias."""
    asides = [values for aside in ASIDES for values in _sentence_features(aside)]
    work = [*(values for one in prepared for values in one.sentences), *asides]
    steering_rows = [(values, 1 / len(steer.sentences)) for steer in steers for values in steer.sentences]
    regression = LogisticRegression(C=REGULARISATION, solver="lbfgs", max_iter=MOST_STEPS, tol=1e-4)
    regression.fit(
        _matrix([*work, *(values for values, _ in steering_rows)], index) @ sparse.diags(rarity.astype(np.float32)),
        [0] * len(work) + [1] * len(steering_rows),
        sample_weight=[1.0] * len(work) + [STEERING_WEIGHT * weight for _, weight in steering_rows],
    )
    return regression.coef_ * rarity, float(regression.intercept_[0])


def _matrix(rows: Sequence[Values], index: dict[str, int]) -> Any:
    data: list[float] = []
    columns: list[int] = []
    ends = [0]
    for row in rows:
        for name, value in row.items():
            column = index.get(name)
            if column is not None:
                columns.append(column)
                data.append(value)
        ends.append(len(columns))
    return sparse.csr_matrix((data, columns, ends), shape=(len(rows), len(index)), dtype=np.float32)


def _rounded(
    coefficients: np.ndarray[Any, np.dtype[np.float64]],
) -> tuple[float, np.ndarray[Any, np.dtype[np.int8]]]:
    """Return a scale and coefficients in 8 bits; the few largest are cut."""
    scale = float(np.quantile(np.abs(coefficients).max(axis=0), 0.9995)) / 127
    return round(scale, 12), np.clip(np.rint(coefficients / scale), -127, 127).astype(np.int8)


def pack(model: Model, **header: object) -> bytes:
    """Return the bytes of a weights file: the same for the same model and header, on any day."""
    vocabulary = "\n".join(model.vocabulary).encode()
    head = {"labels": LABELS, "bias": model.bias, "scale": model.scale, "steering": model.steering}
    head |= {"vocabulary_bytes": len(vocabulary), **header}
    return json.dumps(head, sort_keys=True).encode() + b"\n" + vocabulary + model.rows.tobytes()
