"""Wrong decisions, explained from their records: the router stores each, and `pointsman status` says why it was made.

docs/routing.md prints ten of them; what it says is read off here again, so that it cannot differ from the weights.
"""

import json
import re
from collections.abc import Callable

import pytest

from pointsman.adapters.task_table import TaskTable
from pointsman.execution.outcome import AccountTrouble, CallResult, Outcome
from pointsman.services.intake import QueueMessage
from pointsman.values.taxonomy import TIER_OF, TaskType
from pointsman_cli import openclaw, stacks
from pointsman_cli.main import main
from pointsman_cli.stacks import StackConnection
from tests.support.aws import Aws, MotoLedger
from tests.support.paths import ROOT
from tests.support.router import Router, build

type Explain = Callable[[str], dict[str, str]]

NEEDED = {
    fields["text"]: TIER_OF[TaskType(fields["type"])]
    for fields in map(json.loads, (ROOT / "tests/data/independent.jsonl").read_text().splitlines())
}
"""The tier of each measured text."""
_SECTION = (ROOT / "docs/routing.md").read_text().partition("## Ten wrong decisions, explained")[2].split("\n## ")[0]
PRINTED = re.findall(r"^\$ pointsman status \S+ +# (.+)\n((?:[^`\n].*\n)+)", _SECTION, re.MULTILINE)
"""The beginning of each text and what the page shows of its status."""
LINES = ("type", "decided by", "because", "words", "read of the text")


def fields_of(lines: str) -> dict[str, str]:
    split = (line.partition("  ") for line in lines.splitlines())
    return {name: value.strip() for name, _, value in split}


@pytest.fixture
def explain(
    aws: Aws,
    ledger: MotoLedger,
    task_table: TaskTable,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Explain:
    """Send a text through the router while no model can be asked, and return what `pointsman status` prints of it."""
    router: Router = build(aws, ledger, task_table)
    connection = StackConnection("the test stack", aws.session, aws.settings(), {}, openclaw.read_config(None))
    monkeypatch.setitem(connection.runtime.stores.__dict__, "workflow", router.workflow)
    monkeypatch.setattr(stacks, "connect", lambda *_: connection)

    def explained(text: str) -> dict[str, str]:
        nobody = CallResult(Outcome.ACCOUNT, account=AccountTrouble.KEY)
        router.model.then(nobody, nobody)
        assert router.run(QueueMessage("m-1", json.dumps({"prompt": text, "task_id": "t-1"}))) == {}
        assert main(["status", "t-1"]) == 0
        return fields_of(capsys.readouterr().out)

    return explained


def test_ten_wrong_decisions_are_printed() -> None:
    assert len(PRINTED) == 10
    assert len({beginning for beginning, _ in PRINTED}) == 10


@pytest.mark.parametrize(("beginning", "shown"), PRINTED, ids=[beginning[:24] for beginning, _ in PRINTED])
def test_page_shows_what_status_says_of_a_wrong_decision(explain: Explain, beginning: str, shown: str) -> None:
    (text,) = [text for text in NEEDED if text.replace("\n", " ").startswith(beginning.removesuffix(" …"))]
    status = explain(text)
    assert f"({NEEDED[text]})" not in status["type"], "it is right now: print another one"
    assert fields_of(shown) == {name: status[name] for name in LINES if name in status}
    assert re.search(r"confidence 0\.\d\d", status["decided by"])
    assert status["words"]


def test_status_says_how_much_of_a_text_was_read_as_its_request(explain: Explain) -> None:
    asked = "Which of these three hosts do we patch first?"
    log = "\n".join(f"2026-11-03T02:00:{n % 60:02}Z INFO host-{n % 3}: kernel 6.1.{n}" for n in range(200))
    status = explain(f"{asked}\n\n{log}")
    characters = len(f"{asked}\n\n{log}")
    assert status["read of the text"] == f"{len(asked)} of {characters:,} characters are the request"
    assert "confidence" in status["decided by"]
