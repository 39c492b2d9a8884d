"""Responses from public bug reports, replayed to the real SDKs: through router, tier functions, ledger and delivery."""

import json
from typing import Any

import pytest

from pointsman.execution.records import TaskRecord
from pointsman.services.intake import QueueMessage
from pointsman.values.status import Status
from tests.support.attempts import GEMINI, HAIKU, SHIPPED, SONNET
from tests.support.aws import Aws
from tests.support.fake_providers import FakeProviders
from tests.support.fakes import FakeWorkflow
from tests.support.in_process import LeapClock, Player, in_process
from tests.support.paths import ROOT

REPORTED: dict[str, dict[str, Any]] = {
    reported["source"].split(" ")[0].split(";")[0] + " " + reported["source"].split(" ")[1].strip(";"): reported
    for reported in map(json.loads, (ROOT / "tests/data/providers/responses.jsonl").read_text().splitlines())
}
FLASH = "gemini-3.8-flash"
TO_FLASH = {"chains": {"implementation": [HAIKU, FLASH]}}


class Desk:
    """The whole product in process, on moto's stores and the fake providers."""

    def __init__(self, aws: Aws, providers: FakeProviders, options: dict[str, Any]) -> None:
        urls = {"google_gemini_base_url": f"{providers.url}/gemini", "anthropic_base_url": f"{providers.url}/anthropic"}
        config = json.dumps({**SHIPPED, "pointsman": {**SHIPPED.get("pointsman", {}), **options}})
        self.clock, self.workflow, self.providers = LeapClock(), FakeWorkflow(), providers
        app = in_process(aws.settings(**urls), config, aws.session, self.clock)
        app.runtime.stores.__dict__["workflow"] = self.workflow
        self.player = Player(app, self.clock, self.workflow.executions.__getitem__)

    def do(self, task_id: str, **task: Any) -> TaskRecord:
        """Run a task to its end."""
        self.player.route_messages(QueueMessage(f"m-{task_id}", json.dumps({"task_id": task_id, **task})))
        self.player.play(task_id)
        return self.player.task(task_id)

    def asked(self) -> list[str]:
        """Return the models that the providers were asked for."""
        return [request["model"] for request in self.providers.requests()]


@pytest.fixture
def desk(aws: Aws, provider: FakeProviders, monkeypatch: pytest.MonkeyPatch) -> Any:
    for key in ("ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(key, "a-key")

    def build(case: str, options: dict[str, Any] | None = None) -> Desk:
        reported = REPORTED[case]
        provider.replay(reported["provider"], reported["responses"])
        return Desk(aws, provider, options or {})

    return build


CODE = {"prompt": "Write a parser", "tier": "implementation"}
DESIGN = {"prompt": "Design it", "tier": "reasoning"}
STATUS = {"prompt": "Is it up?", "tier": "orchestration"}


@pytest.mark.parametrize(
    ("case", "options", "task", "models"),
    [
        ("anthropics/claude-code 4684", TO_FLASH, CODE, [HAIKU, FLASH]),
        ("anthropics/claude-code 12186", TO_FLASH, CODE, [HAIKU, FLASH]),
        ("openclaw/openclaw 144308", TO_FLASH, CODE, [HAIKU, FLASH]),
        ("google-gemini/gemini-cli 1993", {}, STATUS, [GEMINI, HAIKU]),
        ("google-gemini/gemini-cli 22486", {}, STATUS, [GEMINI, HAIKU]),
        ("JeffOtano/roni 125", {"paid_models": [GEMINI]}, STATUS, [GEMINI, HAIKU]),
        ("can1357/oh-my-pi 12421", {}, CODE, [HAIKU, SONNET]),
    ],
)
def test_refusal_leads_to_the_next_provider_at_once(
    desk: Any, case: str, options: dict[str, Any], task: dict[str, Any], models: list[str]
) -> None:
    running = desk(case, options)
    record = running.do("t-1", **task)
    assert (record.status, running.asked(), record.model) == (Status.COMPLETED, models, models[-1])


def test_account_trouble_rests_the_provider_for_the_tasks_that_follow(desk: Any) -> None:
    running = desk("anthropics/claude-code 4684", TO_FLASH)
    first, second = running.do("t-1", **CODE), running.do("t-2", **CODE)
    assert (first.status, second.status) == (Status.COMPLETED, Status.COMPLETED)
    assert running.asked() == [HAIKU, FLASH, FLASH]
    states = running.player.app.runtime.stores.model_health.states([HAIKU, SONNET])
    assert {name: state.account for name, state in states.items()} == {HAIKU: "credit", SONNET: "credit"}


@pytest.mark.parametrize(
    ("case", "task", "calls"),
    [
        ("anthropics/claude-code 50229", DESIGN, 2),
        ("NousResearch/hermes-agent 70566", DESIGN, 2),
        ("qualixar/superlocalmemory 79", CODE, 2),
        ("UKGovernmentBEIS/inspect_ai 3507", STATUS, 2),
        ("google/generative-ai-docs 518", STATUS, 2),
    ],
)
def test_passing_trouble_costs_nothing_and_ends_in_an_answer(
    desk: Any, case: str, task: dict[str, Any], calls: int
) -> None:
    running = desk(case)
    record = running.do("t-1", **task)
    assert (record.status, record.cost_known, len(running.asked())) == (Status.COMPLETED, True, calls)


def test_page_of_a_proxy_retires_no_model(desk: Any) -> None:
    running = desk("anthropics/claude-code 50229")
    records = [running.do(f"t-{number}", **DESIGN) for number in range(2)]
    assert {record.model for record in records} == {SONNET}
    (state,) = running.player.app.runtime.stores.model_health.states([SONNET]).values()
    assert not state.retired


def test_price_of_a_geography_is_booked(desk: Any) -> None:
    record = desk("BerriAI/litellm 38369").do("t-1", **CODE)
    assert (record.cost_nano, record.cost_known) == (220_000, True)


def test_refusal_before_any_output_is_free(desk: Any) -> None:
    record = desk("theopenco/llmgateway 2642").do("t-1", **CODE)
    assert (record.status, record.reason, record.cost_nano, record.cost_known) == (Status.FAILED, "refused", 0, True)


def test_content_filter_is_no_invalid_request(desk: Any) -> None:
    record = desk("anthropics/claude-code 58367", TO_FLASH).do("t-1", **CODE)
    assert (record.status, record.reason, record.cost_nano) == (Status.FAILED, "blocked", 0)


def test_function_call_that_nobody_offered_is_paid_and_left(desk: Any) -> None:
    options = {"chains": {"orchestration": [FLASH, HAIKU]}}
    running = desk("epam/ai-dial-adapter-vertexai 325", options)
    record = running.do("t-1", **STATUS)
    assert (record.status, running.asked()) == (Status.COMPLETED, [FLASH, FLASH, HAIKU])
