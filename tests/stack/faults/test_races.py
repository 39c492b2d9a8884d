"""Eight processes at once against one budget and the quotas of a free tier, as their requests arrived.

They need no function: their tables are in an emulator of their own.
"""

import json
import os
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from pointsman.adapters.dynamo import Tables
from pointsman.adapters.limit_items import DynamoModelHealth
from pointsman.execution.budget import OPEN
from pointsman.routing import catalog
from pointsman.values.money import NANO_PER_USD
from tests.support.evidence import Evidence, failovers, ledger_reader_of, spread, this_month
from tests.support.figures import SOAK, Figures
from tests.support.local_stack import Stack, bare_stack
from tests.support.paths import ROOT

pytestmark = pytest.mark.stack

PROCESSES = 8
HAIKU, SONNET, GEMINI = "claude-haiku-5-5", "claude-sonnet-5-5", "gemini-3.5-flash-lite"
ROUTING = {"orchestration": GEMINI, "implementation": HAIKU, "reasoning": SONNET}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with bare_stack(tmp_path_factory.mktemp("races")) as stack:
        yield stack


@pytest.fixture
def race(stack: Stack, tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """Return what runs eight processes to their ends and gives back what each says; `watch` is called meanwhile."""

    def run(watch: Callable[[], None], timeout: float, **spec: Any) -> list[dict[str, Any]]:
        path = tmp_path / f"{spec['prefix']}.json"
        path.write_text(json.dumps({"processes": PROCESSES, **spec}))
        with (tmp_path / f"{spec['prefix']}.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.worker", str(path)],
                cwd=ROOT,
                env=_environment(stack),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                until = time.monotonic() + timeout
                while process.poll() is None and time.monotonic() < until:
                    watch()
                assert process.poll() == 0, (process.returncode, (tmp_path / log.name).read_text()[-2000:])
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, 9)
                process.wait()
        results: list[dict[str, Any]] = json.loads(path.with_suffix(".results.json").read_text())
        assert [result["error"] for result in results if result["error"]] == []
        return results

    return run


def _environment(stack: Stack) -> dict[str, str]:
    """The environment of a tier function, for a process beside the emulator."""
    out, url = stack.info.outputs, stack.info.fake_providers_url
    return {
        "PATH": os.environ["PATH"],
        **stack.info.environment,
        "TASK_TABLE": out["TaskTableName"],
        "USAGE_TABLE": out["UsageTableName"],
        "LIMIT_TABLE": out["LimitTableName"],
        "BUCKET": out["DataBucketName"],
        "GOOGLE_GEMINI_BASE_URL": f"{url}/gemini",
        "ANTHROPIC_BASE_URL": f"{url}/anthropic",
        "GEMINI_API_KEY": "stand-in",
        "ANTHROPIC_API_KEY": "stand-in",
        "MODEL_CALLS": "loopback",
        "POWERTOOLS_SERVICE_NAME": "pointsman",
        "POWERTOOLS_METRICS_NAMESPACE": "Pointsman",
    }


def _ends(results: list[dict[str, Any]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for result in results:
        total.update(result["ends"])
    return total


@pytest.mark.parametrize(
    ("input_tokens", "max_output", "output_tokens"), [(600, 500, 350), (300, 2_000, 50)], ids=["twice", "many-times"]
)
def test_eight_processes_never_exceed_a_budget_for_a_hundred_calls(
    stack: Stack, race: Any, figures: Figures, input_tokens: int, max_output: int, output_tokens: int
) -> None:
    """`twice`: the worst case of a call is at most twice its cost, so that nearly all of the cap can be used."""
    prefix, ledger, month = f"b{uuid.uuid4().hex[:6]}", ledger_reader_of(stack), this_month()
    start = Evidence.of(stack)
    usage = {"input_tokens": input_tokens, "output_tokens": output_tokens}
    stack.fault("anthropic", {"usage": usage}, contains=prefix)
    before = ledger.counters(month).get("month", 0)
    cost = (input_tokens * 100) + (output_tokens * 500)  # nano-dollars a token of claude-haiku-5-5
    cap = before + 100 * cost
    seen: list[tuple[int, int]] = []

    def watch() -> None:
        counters = ledger.counters(month)
        seen.append((counters.get("month", 0), counters.get("month" + OPEN, 0)))
        time.sleep(0.03)

    budget = {"month_usd": float(Decimal(cap) / NANO_PER_USD)}
    results = race(
        watch,
        120,
        race="budget",
        prefix=prefix,
        config={"routing": ROUTING, "pointsman": {"budget": budget}},
        models=[HAIKU],
        tier="implementation",
        prompt=f"Add these amounts ({prefix}). ".ljust(800, "."),
        max_output_tokens=max_output,
        calls=50,
    )
    evidence = Evidence.of(stack)
    rows = [row for row in evidence.rows if row["task_id"].startswith(prefix)]
    spent, worst = sum(row["cost_nano"] for row in rows), max(row["reserved_nano"] for row in rows)
    ends = _ends(results)
    figures.update(
        {
            "worst case of a call, by its cost": round(worst / cost, 2),
            "calls made": len(rows),
            "spent of the cap, percent": round(100 * spent / (cap - before), 1),
            "samples of the counter": len(seen),
            "maximum of the cap spent or reserved, percent": round(
                100 * (max(held for held, _ in seen) - before) / (cap - before), 1
            ),
            "maximum of reservations open at once": max(held // worst for _, held in seen),
            "attempts by outcome": dict(ends),
        }
    )
    assert evidence.disagreements(start) == []
    assert {row["cost_nano"] for row in rows} == {cost}
    assert len([tag for tag in evidence.requests if tag.startswith(prefix)]) == len(rows) == ends["answered"]
    assert max(held for held, _ in seen) <= cap
    assert spent <= cap - before
    assert ends["over_budget"] == PROCESSES
    if worst <= 2 * cost:
        assert spent >= 0.95 * (cap - before)


@pytest.fixture
def slow_budget(stack: Stack) -> Iterator[None]:
    """Writes of the budget's items take a twentieth of a second, and whoever writes one meanwhile meets a conflict."""
    dynamodb, name = stack.client("dynamodb"), stack.info.outputs["LimitTableName"]
    arn = dynamodb.describe_table(TableName=name)["Table"]["TableArn"]
    dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "slow-items", "Value": "0.05 budget#"}])
    yield
    dynamodb.untag_resource(ResourceArn=arn, TagKeys=["slow-items"])


@pytest.mark.usefixtures("slow_budget")
def test_no_answer_is_lost_where_writes_of_the_budget_conflict(stack: Stack, race: Any, figures: Figures) -> None:
    start, prefix, calls = Evidence.of(stack), f"s{uuid.uuid4().hex[:6]}", 2
    results = race(
        lambda: time.sleep(0.1),
        120,
        race="budget",
        prefix=prefix,
        config={"routing": ROUTING, "pointsman": {"budget": {"month_usd": 1000}}},
        models=[HAIKU],
        tier="implementation",
        prompt=f"Add these amounts ({prefix}).",
        max_output_tokens=200,
        calls=calls,
    )
    evidence = Evidence.of(stack)
    rows = [row for row in evidence.rows if row["task_id"].startswith(prefix)]
    figures.update({"calls made": len(rows), "attempts by outcome": dict(_ends(results))})
    assert {row["outcome"] for row in rows} == {"answered"}
    assert len(rows) == len({row["task_id"] for row in rows}) == PROCESSES * calls
    assert evidence.disagreements(start) == []


def test_slow_item_refuses_a_second_write_and_serves_other_items(stack: Stack, slow_budget: None) -> None:
    once = Config(retries={"total_max_attempts": 1})
    dynamodb, name = stack.info.client("dynamodb", once), stack.info.outputs["LimitTableName"]

    def write(key: str) -> str:
        try:
            dynamodb.put_item(TableName=name, Item={"limit": {"S": key}})
        except dynamodb.exceptions.TransactionConflictException as error:
            return str(error.response["Error"]["Code"])
        return "written"

    with ThreadPoolExecutor(4) as pool:
        slow = list(pool.map(write, ["budget#probe"] * 4))
        fast = list(pool.map(write, ["probe"] * 4))
    dynamodb.delete_item(TableName=name, Key={"limit": {"S": "budget#probe"}})
    dynamodb.delete_item(TableName=name, Key={"limit": {"S": "probe"}})
    assert (slow.count("written"), slow.count("TransactionConflictException")) == (1, 3)
    assert fast == ["written"] * 4


RPM, TPM, RPD = "gemini-3.1-flash-lite", "gemini-2.5-flash-lite", GEMINI
QUOTAS = {
    RPM: {"rpm": 10, "rpd": 35 if SOAK else 500},
    TPM: {"tpm": 12_000},
    RPD: {"rpm": 8, "tpm": 250_000, "rpd": 5},
}
WINDOWS = 5 if SOAK else 1


def test_eight_processes_stay_within_free_tier_quotas(stack: Stack, race: Any, figures: Figures) -> None:
    """One model each is held by requests a minute, tokens a minute and requests a day; nobody heeds the waits."""
    start, prefix = Evidence.of(stack), f"q{uuid.uuid4().hex[:6]}"
    stack.control("POST", "faults", {"rules": [], "limits": QUOTAS})
    seconds = 63 * WINDOWS + 9
    results = race(
        lambda: time.sleep(0.5),
        seconds + 45,
        race="quota",
        prefix=prefix,
        config={"routing": ROUTING, "pointsman": {"quotas": QUOTAS}},
        models=list(QUOTAS),
        tier="orchestration",
        prompt=f"Which of these goes first ({prefix})? ".ljust(4_000, "."),
        max_output_tokens=200,
        seconds=seconds,
    )
    evidence = Evidence.of(stack)
    requests = [entry for entry in evidence.journal if entry["attempt"].startswith(prefix)]
    figures.update({"seconds of racing": seconds, "attempts by outcome": dict(_ends(results))})
    for model, quota in QUOTAS.items():
        sent = [entry for entry in requests if entry["model"] == model]
        count = _maximum_in_60_s(sent, lambda _: 1)
        tokens = _maximum_in_60_s(sent, lambda entry: entry["input_tokens"] or 0)
        limits = ", ".join(f"{kind} {limit}" for kind, limit in quota.items())
        figures[f"{model} ({limits})"] = f"{len(sent)} requests, at most {count} and {tokens} tokens in any 60 s"
        assert count <= quota.get("rpm", count)
        assert tokens <= quota.get("tpm", tokens)
        assert len(sent) <= quota.get("rpd", len(sent))
    figures["answers with 429"] = sum(entry["status"] == 429 for entry in requests)
    assert figures["answers with 429"] == 0
    assert {entry["status"] for entry in requests} == {200}
    by_model = Counter(entry["model"] for entry in requests)
    assert by_model[RPD] == QUOTAS[RPD]["rpd"]
    assert by_model[RPM] >= min((WINDOWS + 1) * QUOTAS[RPM]["rpm"], QUOTAS[RPM]["rpd"]) - 2  # and the quota is used
    assert evidence.disagreements(start) == []


def _maximum_in_60_s(entries: list[dict[str, Any]], weight: Callable[[dict[str, Any]], int]) -> int:
    """Return the maximum that arrived in any 60 s: one of those windows begins with a request."""
    return max(
        (
            sum(weight(entry) for entry in entries if first["started"] <= entry["started"] < first["started"] + 60)
            for first in entries
        ),
        default=0,
    )


def test_exhausted_daily_quota_costs_each_process_at_most_one_call(stack: Stack, race: Any, figures: Figures) -> None:
    start, prefix, calls = Evidence.of(stack), f"d{uuid.uuid4().hex[:6]}", 5
    stack.fault("gemini", "gemini_day_quota", model=RPM, contains=prefix)
    results = race(
        lambda: time.sleep(0.1),
        120,
        race="failover",
        prefix=prefix,
        config={"routing": ROUTING},
        models=[RPM, HAIKU],
        tier="orchestration",
        prompt=f"Which of these goes first ({prefix})?",
        max_output_tokens=200,
        calls=calls,
    )
    evidence = Evidence.of(stack)
    requests = [entry for entry in evidence.journal if entry["attempt"].startswith(prefix)]
    futile = [entry for entry in requests if entry["model"] == RPM]
    booked = [row for row in evidence.rows if row["task_id"].startswith(prefix) and row["model"] == RPM]
    recorded_at = min(datetime.fromisoformat(row["ended_at"]).timestamp() for row in booked if row["ended_at"])
    figures.update(
        {
            "tasks": PROCESSES * calls,
            "futile calls": len(futile),
            "futile calls started after the 429 was recorded": sum(
                row["at"] > _text_of(recorded_at + 0.02) for row in booked
            ),
            "seconds from the 429 to the next model's request": spread(failovers(requests)),
            "attempts by outcome": dict(_ends(results)),
        }
    )
    assert _ends(results)["answered"] == PROCESSES * calls
    assert 1 <= len(futile) <= PROCESSES
    assert max(Counter(entry["attempt"].split("-")[1] for entry in futile).values()) == 1
    assert _model_health(stack)[RPM].quota_exhausted_until > time.time() * 1000
    assert evidence.disagreements(start) == []


def _text_of(timestamp: float) -> str:
    moment = datetime.fromtimestamp(timestamp, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _model_health(stack: Stack) -> Any:
    out = stack.info.outputs
    names = Tables(out["TaskTableName"], out["UsageTableName"], out["LimitTableName"])
    return DynamoModelHealth(stack.client("dynamodb"), names).states(catalog.load_catalog().models)
