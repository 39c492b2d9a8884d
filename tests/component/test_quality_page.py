"""From the audit's sample to the page: both families judge the answers, the page shows it, a drop is told once."""

import json
import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from pointsman.adapters.dynamo import pack
from pointsman.adapters.quality_items import DynamoQuality, pair_key
from pointsman.adapters.task_table import TaskTable
from pointsman.entrypoints.cost_report import build_reporting
from pointsman.entrypoints.runtime import build_runtime
from pointsman.execution.comparison import JudgedPair
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.report.figures.report import Report
from pointsman.report.render.as_json import as_json
from pointsman.report.render.html import render_html
from pointsman.report.render.text import render_text
from pointsman.values.taxonomy import TaskType
from tests.support.attempts import GEMINI, HAIKU, SONNET, USED, answered, asked, configured, finished, started
from tests.support.aws import Aws, MotoLedger
from tests.support.fakes import NOON
from tests.support.judged import simulated_pairs
from tests.support.router import Router, build_sweep

QUALITY = {"judges": [HAIKU, GEMINI], "controls": 1}
OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.fixture
def router(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> Router:
    return configured(aws, ledger, task_table, audit={"share": 1}, quality=QUALITY)


def reported(aws: Aws, router: Router) -> Report:
    ctx = router.intake.ctx
    text = json.dumps({"routing": {"orchestration": GEMINI, "implementation": HAIKU, "reasoning": SONNET}})
    runtime = build_runtime(aws.settings(), text, aws.session, log=ctx.log, count=ctx.count, clock=router.clock)
    runtime = replace(runtime, context=replace(ctx, ledger=runtime.context.ledger))
    reporting = runtime.part(build_reporting)
    return replace(reporting, day_tasks=replace(reporting.day_tasks, workflow=router.workflow)).build(NOON.date())


def store(aws: Aws, pairs: Iterable[JudgedPair]) -> None:
    """Store pairs as their judges' settlements would have."""
    for judged in pairs:
        words = {f"word#{word.kind}#{word.family}#{word.order}": str(word.better) for word in judged.words}
        pair = judged.pair
        fields: dict[str, Any] = {name: str(getattr(pair, name)) for name in pair.__dataclass_fields__}
        item = {**pair_key(pair), **fields, "baseline": SONNET, **words, "judge#anthropic": HAIKU}
        aws.client("dynamodb").put_item(TableName=aws.tables.usage, Item=pack(item))


def test_audited_answer_is_judged_by_both_families_and_stands_on_the_page(aws: Aws, router: Router) -> None:
    def word(better: str) -> CallResult:
        return CallResult(Outcome.ANSWERED, json.dumps({"better": better}), USED)

    router.model.then(answered("one two three four five six seven eight nine"), answered("dear"))
    router.model.then(word("second"), word("first"), word("second"), word("same"), word("first"), word("first"))
    finished(router, started(router, "implementation", type="code_generation"))
    assert asked(router)[2:] == [HAIKU, HAIKU, GEMINI, GEMINI, HAIKU, GEMINI]
    report = reported(aws, router)
    assert report.quality is not None
    whole, tier, kind = report.quality.groups
    assert (whole.pairs, whole.points, tier.name, kind.name) == (1, -75.0, "implementation", "code_generation")
    assert (whole.agreement.count, whole.agreement.of) == (1, 1)
    assert [(judge.family, judge.right.of) for judge in report.quality.judges] == [("anthropic", 1), ("gemini", 1)]
    page, text, document = render_html(report), render_text(report), as_json(report)
    assert 'id="quality"' in page
    assert "Too few pairs to tell" in page
    assert "tier implementation" in page
    assert "type code_generation" in page
    assert f"{HAIKU} judged 1 pair in both orders" in page
    assert "Quality Too few pairs to tell" in text
    assert document["quality"]["groups"][0]["points"] == -75.0
    assert document["checking"]["attempts"] == 7
    assert [entry["type"] for entry in document["work"]].count("comparison") == 2


def test_without_quality_nothing_is_read_and_nothing_is_shown(
    aws: Aws, ledger: MotoLedger, task_table: TaskTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = configured(aws, ledger, task_table)
    monkeypatch.setattr(DynamoQuality, "_month", lambda *_: pytest.fail("the pairs were read"))
    report = reported(aws, router)
    assert (report.quality, as_json(report)["quality"]) == (None, None)
    assert 'id="quality"' not in render_html(report)
    assert "Quality" not in render_text(report)
    build_sweep(aws, router)()


def test_enough_pairs_say_by_how_much_no_worse(aws: Aws, router: Router) -> None:
    store(aws, simulated_pairs(random.Random(2), 900, OCTOBER, NOON, points=4))
    report = reported(aws, router)
    assert report.quality is not None
    whole = report.quality.total
    assert whole is not None
    sentence = f"No worse than {SONNET} by more than {max(-whole.low, 0):.1f} points"
    assert sentence in render_html(report)
    assert sentence in " ".join(render_text(report).split())
    assert report.quality.drops == ()


def test_drop_is_told_once_and_needs_attention(aws: Aws, router: Router) -> None:
    store(aws, simulated_pairs(random.Random(2), 300, OCTOBER, NOON, points=-30, kind=TaskType.TEST_WRITING))
    sweep = build_sweep(aws, router)
    bus = sweep.quality_notice.notices.bus
    told: list[dict[str, Any]] = []
    sent: list[tuple[str, str]] = []

    class Sink:
        def announce(self, subject: str, text: str) -> None:
            sent.append((subject, text))

    class Bus:
        def publish(self, detail_type: str, detail: str) -> None:
            assert detail_type == "Quality Dropped"
            told.append(json.loads(detail))

    notices = replace(sweep.quality_notice.notices, bus=Bus(), sink=Sink())  # type: ignore[arg-type]
    notice = replace(sweep.quality_notice, notices=notices)
    assert bus is not None
    first = notice(NOON)
    assert first == len(told) == len(sent) == 3
    assert [(detail["kind"], detail["name"]) for detail in told] == [
        ("all", "all"),
        ("tier", "implementation"),
        ("type", "test_writing"),
    ]
    assert all(detail["points"] < -10 and detail["quarter"] == "2026-10-01" for detail in told)
    assert all(subject.isascii() and len(subject) < 100 for subject, _ in sent)
    assert notice(NOON + timedelta(minutes=15)) == 0
    report = reported(aws, router)
    assert [item["what"] for item in as_json(report)["attention"]].count("quality") == 3
    assert report.quality is not None
    assert report.quality.test_since.date() == date(2026, 10, 1)
