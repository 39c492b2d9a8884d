"""The ids that a machine knows: short forms, and a file that two processes share."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devstack import FakedProviders, StackInfo
from pointsman.entrypoints.settings import Settings
from pointsman_cli.errors import BadInputError, NotFoundError
from pointsman_cli.known_tasks import KnownTasks, state_folder
from pointsman_cli.stacks import StackConnection


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KnownTasks:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return KnownTasks.of_stack("pointsman", "https://sqs/queue")


def never(_: str) -> bool:
    return False


def test_short_forms_stand_for_ids(known: KnownTasks) -> None:
    known.submitted(["nightly-118", "nightly-119"])
    known.listed(["release-4", "nightly-118"])
    known.listed(["payroll-1"])
    forms = {"@last": "nightly-119", "@1": "payroll-1", "rele": "release-4", "nightly-118": "nightly-118"}
    assert {text: known.full_id(text, never) for text in forms} == forms
    assert known.full_id("payr", lambda task_id: task_id == "payr") == "payr", "a task of that very id"
    assert known.full_id("pay", never) == "pay", "too short for a prefix"
    with pytest.raises(BadInputError, match="beginning of 2 ids: nightly-118, nightly-119"):
        known.full_id("nightly-1", never)
    for text, error in (("@2", NotFoundError), ("@0", BadInputError), ("@first", BadInputError)):
        with pytest.raises(error):
            known.full_id(text, never)


def test_stacks_do_not_share_ids(known: KnownTasks) -> None:
    known.submitted(["t-1"])
    other = KnownTasks.of_stack("pointsman", "https://sqs/another")
    with pytest.raises(NotFoundError, match="has submitted no task"):
        other.full_id("@last", never)


def test_local_stack_knows_its_tasks_as_long_as_its_data_last(known: KnownTasks, tmp_path: Path) -> None:
    """Its address is the same when its data were deleted; its access key is the data's."""

    def local(access_key: str) -> KnownTasks:
        settings = Settings.model_validate({"task_queue_url": "http://127.0.0.1:4776/000000000000/queue"})
        fakes = FakedProviders(gemini=True, anthropic=True)
        info = StackInfo(state_dir=tmp_path, token="t", access_key=access_key, stand_in=fakes)
        return StackConnection("the local stack", info, settings, {}, "{}", "pointsman").known_tasks

    before = datetime.now(UTC) - timedelta(seconds=1)
    local("LOCAL1").submitted(["t-1"])
    assert list(local("LOCAL1").recently_submitted(before)) == ["t-1"]
    assert local("LOCAL2").recently_submitted(before) == {}
    assert local("LOCAL1").full_id("@last", never) == "t-1"
    with pytest.raises(NotFoundError):
        local("LOCAL2").full_id("@last", never)


def test_writers_at_once_lose_nothing(known: KnownTasks, tmp_path: Path) -> None:
    code = (
        "import sys; from pointsman_cli.known_tasks import KnownTasks as K\n"
        "for n in range(20): K.of_stack('pointsman', 'https://sqs/queue').submitted([f'{sys.argv[1]}-{n}'])"
    )
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: subprocess.run([sys.executable, "-c", code, name], check=True), ("one", "two")))
    sent = known.recently_submitted(datetime.now(UTC) - timedelta(hours=1))
    assert len(sent) == 40
    assert [path.suffix for path in (tmp_path / "pointsman").iterdir() if path.suffix == ".tmp"] == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"submitted": 5}', json.dumps({"listed": []})])
def test_broken_file_knows_nothing_and_is_replaced(known: KnownTasks, content: str) -> None:
    known.submitted(["t-1"])
    (file,) = state_folder().glob("*.json")
    file.write_text(content)
    assert known.full_id("t-1234", never) == "t-1234"
    known.submitted(["t-2"])
    assert known.full_id("@last", never) == "t-2"


def test_folder_that_cannot_be_written_costs_nothing_but_the_memory(
    known: KnownTasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    blocked = KnownTasks.of_stack("pointsman", "https://sqs/queue")
    blocked.submitted(["t-1"])
    with pytest.raises(NotFoundError):
        blocked.full_id("@last", never)


def test_old_ids_are_forgotten(known: KnownTasks) -> None:
    known.submitted([f"task-{number:05}" for number in range(2500)])
    assert known.full_id("task-00499", never) == "task-00499"
    assert known.full_id("task-0049", never) == "task-0049", "the oldest 500 are not known"
    with pytest.raises(BadInputError, match="of 2000 ids"):
        known.full_id("task-", never)
