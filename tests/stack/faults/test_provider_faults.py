"""Providers fail in every way that they do; where one configured model is alive, tasks are answered all the same.

Each trouble has a part of its own: its own tables, a configuration and tasks whose prompts name it. All parts run at
once, in real time, against the stand-in; llmock's verdict on its journal says whether anyone asked too early, too
often, or again where asking again cannot help.
"""

import json
import math
import os
import statistics
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from pointsman.adapters.dynamo import Tables
from pointsman.entrypoints.settings import Settings
from pointsman.services.attempt import SETTLING_SECONDS
from pointsman.services.intake import QueueMessage
from pointsman.values.status import Status
from tests.support.aws import OneAtATime, create_tables
from tests.support.fake_providers import FakeProviders, start, stop
from tests.support.fakes import FakeWorkflow
from tests.support.figures import SOAK, Figures
from tests.support.in_process import PatientClock, Player, assert_ledger_agrees, in_process
from tests.support.paths import ROOT

SHIPPED = json.loads((ROOT / "openclaw.json").read_text())
GEMINI, HAIKU, FLASH = "gemini-3.5-flash-lite", "claude-haiku-5-5", "gemini-3.8-flash"
EACH = int(os.environ.get("POINTSMAN_SOAK_TASKS", "504" if SOAK else "72")) // 18
"""Tasks of one part; there are 18 whose tasks can be answered."""
HALF = math.ceil(EACH / 2)
OWN = {
    "budget": {"month_usd": 1000},
    "quotas": {GEMINI: {"rpm": 100_000}},  # the stand-in's quotas are met here, not our own
}


@dataclass(frozen=True)
class Part:
    """One trouble, and who meets it."""

    name: str
    tier: str
    action: Any
    times: int | None = HALF
    """Calls that meet it; None: all."""
    model: str | None = None
    seconds: float | None = None
    """Of a tier function; None: its own timeout."""
    chains: dict[str, list[str]] = field(default_factory=dict)
    end: tuple[Status, str | None] = (Status.COMPLETED, None)

    @property
    def provider(self) -> str:
        return "gemini" if self.tier == "orchestration" else "anthropic"

    @property
    def slug(self) -> str:
        return self.name.replace(" ", "-")

    @property
    def rule(self) -> dict[str, Any]:
        rule = {"provider": self.provider, "action": self.action, "contains": f"({self.slug})"}
        return rule | ({"times": self.times} if self.times else {}) | ({"model": self.model} if self.model else {})


DOWN = 6 if SOAK else 4
"""Calls to a model that is down: in the long form as many as open its breaker. While it is open tasks wait, up to 5
minutes at a time in a long outage, which would be most of what this test does."""
CUT_OFF = 3 if SOAK else 2
"""Tasks whose first provider is there for the first of them only."""
PARTS = [
    Part("429 seconds", "implementation", {"rate_limit": {"retry_after": 1}}),
    Part("429 fraction", "reasoning", {"rate_limit": {"retry_after": 0.4}}),
    Part("429 date", "implementation", {"rate_limit": {"retry_after": 1, "form": "date"}}),
    Part("429 bare", "implementation", {"rate_limit": {}}, times=min(HALF, 4)),
    Part("429 RetryInfo", "orchestration", {"gemini_minute_quota": {"retry_after": 1}}),
    Part("429 without details", "orchestration", {"gemini_minute_quota": {"details": False}}, times=min(HALF, 4)),
    Part("429 quota of the day", "orchestration", {"gemini_day_quota": {"retry_after": 1}}, times=None),
    Part("500", "implementation", {"status": 500}, times=DOWN, model=HAIKU),
    Part("503", "orchestration", {"status": 503}, times=DOWN),
    Part("529", "implementation", {"status": 529}, times=DOWN, model=HAIKU),
    Part("hang", "implementation", "hang", times=2, seconds=SETTLING_SECONDS + 1.5),
    Part("reset in mid-answer", "implementation", {"reset": "mid_answer"}),
    Part("reset before the answer", "orchestration", {"reset": "rst"}, times=min(HALF, 4)),
    Part("half a document", "orchestration", {"malformed": "json"}, times=min(HALF, 4)),
    Part("a sign-in page", "implementation", {"malformed": "html"}),
    Part(
        "404 retired",
        "implementation",
        {"status": 404},
        None,
        "claude-haiku-4-5",
        None,
        {"implementation": ["claude-haiku-4-5"]},
    ),
    Part(
        "401",
        "implementation",
        {"status": 401},
        times=None,
        model=HAIKU,
        chains={"implementation": [HAIKU, FLASH]},
    ),
    Part("400 bad key", "orchestration", "invalid_key", times=None),
]
TRUNCATED = Part("truncated", "implementation", {"stop": "max_tokens"}, times=None)
INVALID = Part("400", "implementation", {"status": 400}, times=None, end=(Status.FAILED, "invalid"))
REFUSED = Part("refused connection", "orchestration", {"answer": {"text": "still here"}}, times=None)


@dataclass
class Play:
    """A part with its application."""

    part: Part
    player: Player
    seconds: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, part: Part, session: OneAtATime, gemini: str, anthropic: str) -> "Play":
        tables = Tables(*(f"{part.slug}-{name}" for name in ("tasks", "usage", "limits")))
        create_tables(session.client("dynamodb"), tables)
        settings = Settings(
            task_table=tables.tasks,
            usage_table=tables.usage,
            limit_table=tables.limits,
            bucket="data",
            event_bus="bus",
            google_gemini_base_url=f"{gemini}/gemini",
            anthropic_base_url=f"{anthropic}/anthropic",
            model_calls="loopback",
        )
        config = json.dumps({**SHIPPED, "pointsman": {**OWN, "chains": part.chains}})
        clock, workflow = PatientClock(), FakeWorkflow()
        app = in_process(settings, config, session, clock)
        app.runtime.stores.__dict__["workflow"] = workflow
        return cls(part, Player(app, clock, workflow.executions.__getitem__, part.seconds))

    def task(self, number: int) -> None:
        """Send a task and play it to its end."""
        task_id, began = f"{self.part.slug}-{number}", time.monotonic()
        fields = {"prompt": f"Do {number} ({self.part.slug}).", "task_id": task_id, "tier": self.part.tier}
        assert self.player.route_messages(QueueMessage(f"m-{task_id}", json.dumps(fields))) == 0
        self.player.play(task_id)
        self.seconds.append(time.monotonic() - began)

    def requests(self, journal: list[dict[str, Any]]) -> list[dict[str, Any]]:
        ids = {f"{self.part.slug}-{number}" for number in range(EACH)}
        return [entry for entry in journal if (entry["attempt"] or "").split(".")[0] in ids]

    def checked(self, journal: list[dict[str, Any]]) -> dict[str, Any]:
        """Compare the ledger with the journal, and return the part's figures."""
        requests = self.requests(journal)
        rows = assert_ledger_agrees(self.player.app, requests, self.player.clock.now())
        ends = [self.player.task(f"{self.part.slug}-{number}") for number in range(EACH)]
        assert all(end.delivered_at for end in ends)
        assert sum(end.cost_nano for end in ends) == sum(row["cost_nano"] for row in rows)
        return {
            "ended as expected": sum((end.status, end.reason) == self.part.end for end in ends),
            "requests": len(requests),
            "outcomes": dict(Counter(row["outcome"] for row in rows)),
            "tasks by model": dict(Counter(end.model for end in ends if end.status is Status.COMPLETED)),
            "slowest task, seconds": round(max(self.seconds), 1),
        }


def test_tasks_complete_while_one_model_of_the_chain_works(
    standin: FakeProviders, session: OneAtATime, tmp_path_factory: pytest.TempPathFactory, figures: Figures
) -> None:
    parts = [*PARTS, TRUNCATED, INVALID]
    standin.control("POST", "faults", [part.rule for part in parts])
    other = start(tmp_path_factory.mktemp("gemini-that-stops"))
    plays = [Play.of(part, session, standin.url, standin.url) for part in parts]
    cut_off = Play.of(REFUSED, session, other.url, standin.url)
    cut_off.task(0)
    asked_before = other.requests()
    stop(other)
    work = [(play, number) for number in range(EACH) for play in plays]
    work += [(cut_off, number) for number in range(1, CUT_OFF)]
    with ThreadPoolExecutor(96 if SOAK else 24) as pool:
        list(pool.map(lambda one: one[0].task(one[1]), work))

    journal = standin.requests()
    checked = {play.part.name: play.checked(journal) for play in plays}
    answered = sum(checked[part.name]["ended as expected"] for part in [*PARTS, TRUNCATED])
    verdict = standin.control("GET", "verdict")
    figures |= {name: "; ".join(f"{key} {value}" for key, value in result.items()) for name, result in checked.items()}
    figures |= {
        "answered": f"{answered} of {EACH * (len(PARTS) + 1)}",
        "requests": len(journal),
        "verdict": {key: verdict[key] for key in ("passed", "attempts", "faults_injected", "errors", "warnings")},
        "warnings": dict(Counter(finding["code"] for finding in verdict["findings"])),
        "median seconds of a task": round(statistics.median(took for play in plays for took in play.seconds), 2),
    }
    assert verdict["errors"] == 0, [one for one in verdict["findings"] if one["severity"] == "error"]
    assert answered >= 0.99 * EACH * (len(PARTS) + 1)

    assert checked["400"]["ended as expected"] == EACH
    assert checked["400"]["requests"] == 2 * EACH  # a refusal that is not recognized is put to one other model
    assert checked["401"]["tasks by model"] == {FLASH: EACH}  # no other model of the provider that refuses the key
    assert checked["404 retired"]["tasks by model"] == {HAIKU: EACH}
    assert EACH < checked["400 bad key"]["requests"] <= 2 * EACH  # once it is known, no request is made
    assert checked["429 quota of the day"]["tasks by model"] == {HAIKU: EACH}
    assert all(
        play.player.task(f"truncated-{n}").truncated for play in plays if play.part is TRUNCATED for n in range(EACH)
    )
    assert all(play.player.crashes == [] for play in [*plays, cut_off])

    done = [cut_off.player.task(f"{REFUSED.slug}-{number}") for number in range(CUT_OFF)]
    assert [task.model for task in done] == [GEMINI, *[HAIKU] * (len(done) - 1)]
    requests = [*cut_off.requests(journal), *asked_before]
    rows = assert_ledger_agrees(cut_off.player.app, requests, cut_off.player.clock.now())
    unsent = [row for row in rows if row["outcome"] == "not_sent"]
    assert all(row["cost_nano"] == 0 for row in unsent)
    figures["connection refused"] = f"{len(done)} tasks, {len(unsent)} attempts not sent"
    assert unsent
