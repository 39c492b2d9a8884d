"""Trains the local classifier, measures it by cross-validation, and writes its weights file.

    python -m training.train [--check] [--brief] [--foreign DIR] [--output FILE]

The same texts give the same bytes: sorted input, fixed seeds, one thread, no time stamps.
"""

import argparse
import hashlib
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from pointsman.routing.classifier import local as classifier
from pointsman.routing.classifier.local import BACKGROUND, FOLLOW_UP, LocalClassifier
from pointsman.routing.classifier.request import Request, find_request
from pointsman.values.taxonomy import TIER_OF, TaskType, Tier
from training import corpus, foreign, steering
from training.augment import careless, typos
from training.corpus import Sample
from training.evaluation import Figures, Judged, figures, judge
from training.model import LABELS, Prepared, PreparedSteering, fit, pack, prepare, prepare_steering

FOLDS = 3
SENTENCES_LOST = 0.02
"""Share of the sentences about the work that may be taken for steering."""
FINDINGS = (*(str(tier) for tier in Tier), FOLLOW_UP, BACKGROUND)
"""What a calibrated probability is given of."""
UNCALIBRATED = {
    "steering_from": 100.0,
    "sharpness": 1.0,
    "calibration": [[0.0, *(float(own is other) for other in FINDINGS), 0.0, 0.0] for own in FINDINGS],
}
FIELD_SHARE = 3.0
"""What a text in the styles that people write in counts for in calibration, against another."""
WEIGHTS = Path(classifier.__file__).parents[2] / "data" / classifier.WEIGHTS_FILE


def fold_of(group: str) -> int:
    """Return the fold in which a group is held out."""
    return hashlib.sha256(group.encode()).digest()[0] % FOLDS


class CrossValidated:
    """A classifier per fold; each text is judged by the one that has not seen it."""

    def __init__(
        self, prepared: Sequence[Prepared], phrases: Sequence[Prepared], steers: Sequence[PreparedSteering]
    ) -> None:
        self.samples = [one.sample for one in prepared]
        self._group_of = {sample.text: sample.group for sample in self.samples}
        self.header: dict[str, object] = dict(UNCALIBRATED)
        self._models = [
            fit(
                [*(one for one in prepared if fold_of(one.sample.group) != fold), *phrases],
                [steer for steer in steers if fold_of(steer.group) != fold],
            )
            for fold in range(FOLDS)
        ]
        self._load()

    def _load(self) -> None:
        self._classifiers = [LocalClassifier(pack(model, **self.header)) for model in self._models]

    def judges(self, sample: Sample) -> LocalClassifier:
        """Return the classifier that was trained without a sample's group."""
        return self._classifiers[fold_of(sample.group)]

    def calibrate(self) -> None:
        """Fit sharpness and calibration on held-out verdicts, and set the line for steering."""
        work = sorted(value for sample in self.samples for value in self._steering_of(sample))
        self.header["steering_from"] = round(work[-int(len(work) * SENTENCES_LOST) - 1] + 0.0005, 3)
        self._load()
        self._scores = [np.array(self.judges(sample).scores(sample.text)) for sample in self.samples]
        self.header["sharpness"] = min((0.5 + 0.1 * step for step in range(26)), key=self._surprise)
        self._load()
        evidence = [self.judges(sample).evidence(sample.text) for sample in self.samples]
        findings = [FINDINGS.index(_finding(sample.label)) for sample in self.samples]
        weights = [FIELD_SHARE if sample.style else 1.0 for sample in self.samples]
        logistic = LogisticRegression(C=1.0, max_iter=1000).fit(np.array(evidence), findings, sample_weight=weights)
        rows = np.column_stack([logistic.intercept_, logistic.coef_]).tolist()
        self.header["calibration"] = [[round(float(value), 6) for value in row] for row in rows]
        self._load()

    def typed(self) -> list[Sample]:
        """Return the samples that have a type."""
        return [sample for sample in self.samples if sample.label not in (FOLLOW_UP, BACKGROUND)]

    def _steering_of(self, sample: Sample) -> list[float]:
        """Return how much each sentence of a text addresses the router, to the classifier without its group."""
        local = self.judges(sample)
        return [local.steering(part) for part in local.sentences(find_request(sample.text))]

    def _steering(self, text: str, group: str) -> list[float]:
        local = self._classifiers[fold_of(group)]
        return [local.steering(part) for part in local.sentences(Request(text, "", frozenset(), True))]

    def steering_found(self) -> float:
        """Return the share of the sentences written to steer that are taken for it."""
        figures_found = [
            value >= float(str(self.header["steering_from"]))
            for sentence_record in steering.sentences()
            for text in sentence_record.texts
            for value in self._steering(text, sentence_record.group)
        ]
        return sum(figures_found) / len(figures_found)

    def steered(self, text: str) -> str:
        """Return a sample's text with a steering sentence that its judge has not learnt from, before or behind it."""
        fold = fold_of(self._group_of[text])
        rng = random.Random(f"held out {text}")  # noqa: S311
        sentence = rng.choice(
            rng.choice([candidate for candidate in steering.sentences() if fold_of(candidate.group) == fold]).texts
        )
        return f"{sentence} {text}" if rng.random() < 0.5 else f"{text}\n{sentence}"

    def _surprise(self, sharpness: float) -> float:
        """Return the mean negative log likelihood of the right type among the types of its tier."""
        total = 0.0
        for sample, scores in zip(self.samples, self._scores, strict=True):
            sharp = scores * sharpness
            total -= float(sharp[LABELS.index(sample.label)] - np.logaddexp.reduce(sharp))
        return total

    def judged(self, change: Callable[[str], str] = str) -> list[Judged]:
        """Return the verdicts on all texts that have a type, each changed first."""
        return [
            judge(change(sample.text), TaskType(sample.label), self.judges(sample).classify) for sample in self.typed()
        ]


def _finding(label: str) -> str:
    return label if label in (FOLLOW_UP, BACKGROUND) else str(TIER_OF[TaskType(label)])


def _by(judged: Sequence[tuple[str, Judged]]) -> dict[str, Figures]:
    groups: dict[str, list[Judged]] = defaultdict(list)
    for key, one in judged:
        groups[key].append(one)
    return {key: figures(groups[key]) for key in sorted(groups)}


def report(validated: CrossValidated) -> None:
    """Print the cross-validated figures, all in all, by type, kind and language, and under changes of wording."""
    samples = validated.typed()
    judged = validated.judged()
    print(f"header      {validated.header}")
    print(f"all         {figures(judged)}")
    for name in ("label", "style", "lang"):
        keyed = [(str(getattr(sample, name)), one) for sample, one in zip(samples, judged, strict=True)]
        for key, value in _by(keyed).items():
            print(f"  {name} {key:18} {value}")
    wrong = Counter(
        (one.expected_type, one.verdict.type) for one in judged if one.expected_type is not one.verdict.type
    )
    print("confusions ", ", ".join(f"{a}>{b} {count}" for (a, b), count in wrong.most_common(12)))
    ranks = {tier: rank for rank, tier in enumerate(Tier)}
    steered = validated.judged(validated.steered)
    steps = [ranks[b.verdict.tier] - ranks[a.verdict.tier] for a, b in zip(judged, steered, strict=True)]
    raised, lowered = (sum(step * way > 0 for step in steps) / len(steps) for way in (1, -1))
    raised_surely = sum(step > 0 and one.sure for step, one in zip(steps, steered, strict=True))
    print(
        f"steering    found {validated.steering_found():.3f}  tier raised {raised:.3f}  lowered {lowered:.3f}"
        f"  raised when sure {raised_surely / len(steps):.4f}"
    )
    changes: dict[str, Callable[[str], str]] = {
        "typos": lambda text: typos(text, random.Random(f"stability {text}")),  # noqa: S311
        "careless": lambda text: careless(text, random.Random(f"stability {text}")),  # noqa: S311
        **{sentence: partial("{} {}".format, sentence) for sentence in foreign.STEERING},
    }
    for name, change in changes.items():
        changed = validated.judged(change)
        same = sum(a.verdict.tier is b.verdict.tier for a, b in zip(judged, changed, strict=True)) / len(judged)
        print(f"changed     same tier {same:.3f}  under-tiering {figures(changed).under_tiering:.3f}  {name}")
    for label in (FOLLOW_UP, BACKGROUND):
        some = [sample for sample in validated.samples if sample.label == label]
        verdicts = [validated.judges(one).classify(one.text) for one in some]
        sure = sum(Judged(verdict, verdict.tier).sure for verdict in verdicts)
        print(f"{label:<12}texts {len(some)}  sure {sure}")


def speed(local: LocalClassifier, texts: Sequence[str]) -> None:
    """Print the median and the 95th percentile of the time a verdict takes, words not seen before included."""
    times = []
    for text in texts:
        start = time.perf_counter()
        local.classify(text)
        times.append((time.perf_counter() - start) * 1000)
    print(
        f"speed       median {np.median(times):.2f} ms  p95 {np.quantile(times, 0.95):.2f} ms  max {max(times):.2f} ms"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, report, write; with `--check` compare with the weights file instead of writing it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the weights file would change")
    parser.add_argument(
        "--brief", action="store_true", help="leave the figures by type, kind, language and steering out"
    )
    parser.add_argument("--foreign", type=Path, help="a folder of texts written elsewhere, to measure on")
    chosen = parser.parse_args(arguments)
    prepared = [prepare(sample) for sample in corpus.texts()]
    phrases = [prepare(sample) for sample in corpus.phrases()]
    steers = prepare_steering()
    validated = CrossValidated(prepared, phrases, steers)
    validated.calibrate()
    if not chosen.brief:
        report(validated)
    made_of = {"trained_on": corpus.training_hash(), "texts": len(prepared), "phrases": len(phrases)}
    packed = pack(fit([*prepared, *phrases], steers), **validated.header, **made_of)
    local = LocalClassifier(packed)
    digest = hashlib.sha256(packed).hexdigest()
    print(f"weights     {len(packed):,} bytes, {len(local.vocabulary):,} features, sha256 {digest}")
    speed(local, [sample.text for sample in corpus.texts()])
    if chosen.foreign:
        foreign.report(chosen.foreign, local)
    if chosen.check:
        same = chosen.output.is_file() and chosen.output.read_bytes() == packed
        print("weights     unchanged" if same else f"weights     {chosen.output} differs")
        return 0 if same else 1
    chosen.output.write_bytes(packed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
