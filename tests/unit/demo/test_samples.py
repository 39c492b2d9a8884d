"""The sample messages match `events/README.md`."""

import json

import pytest

from demo import samples
from demo.phases import DEMO_PHASES
from pointsman.contracts.message_validation import validate_message
from pointsman.values.taxonomy import TaskType

SAMPLES = samples.load_samples()
BY_NUMBER = {sample.number: sample for sample in SAMPLES}
EVERYDAY = {"summary", "extraction", "translation", "rewriting"}
BAD = {33: "body: must be JSON", 34: "prompt: must not be blank", 35: "tier: must be one of"}


def test_readme_lists_each_sample_once() -> None:
    readme = (samples.SAMPLES_FOLDER / "README.md").read_text()
    assert [readme.count(f"| `{sample.file}` |") for sample in SAMPLES] == [1] * len(SAMPLES)
    assert len(SAMPLES) >= 30
    assert len(BY_NUMBER) == len(SAMPLES)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.file)
def test_each_sample_is_valid_or_has_its_listed_error(sample: samples.Sample) -> None:
    verdict = validate_message(sample.body)
    assert (verdict.error or "").startswith(BAD.get(sample.number, ""))
    assert (verdict.error is None) is (sample.number not in BAD)


def test_samples_cover_all_task_types() -> None:
    """A question stands for all everyday types: the free tier takes 15 requests a minute."""
    named = {sample.file.split("-", 1)[1].split(".")[0].replace("-", "_") for sample in SAMPLES}
    assert {str(kind) for kind in TaskType} - EVERYDAY <= named


def test_half_of_the_samples_leave_the_tier_to_the_router() -> None:
    tasks = [verdict.task for sample in SAMPLES if (verdict := validate_message(sample.body)).task]
    assert sum(task.explicit_tier is None for task in tasks) >= len(tasks) / 2


def test_large_prompt_has_the_size_in_its_specification() -> None:
    prompt = json.loads(BY_NUMBER[25].body)["prompt"]
    assert len(prompt.encode()) == 700_000
    assert len(BY_NUMBER[25].body.encode()) < 1_048_576
    assert (samples.SAMPLES_FOLDER / BY_NUMBER[25].file).stat().st_size < 2_000


def test_duplicate_has_the_same_fingerprint_and_conflict_another() -> None:
    once, again, different = (validate_message(BY_NUMBER[number].body) for number in (22, 23, 24))
    assert once.task
    assert again.task
    assert different.task
    assert once.task_id == again.task_id == different.task_id
    assert once.task.fingerprint() == again.task.fingerprint() != different.task.fingerprint()


def test_demo_sends_each_sample_once() -> None:
    sent = [sample.number for phase in DEMO_PHASES for sample in SAMPLES if sample.number in phase.numbers]
    assert sorted(sent) == sorted(BY_NUMBER)
