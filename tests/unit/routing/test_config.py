import json
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pointsman.routing import config as openclaw
from pointsman.routing.catalog import load_catalog
from pointsman.routing.config import ConfigError, OpenClaw
from pointsman.values.taxonomy import TaskType, Tier
from tests.support.paths import ROOT
from tools.config_schema import SCHEMA_FILE, schema_text

BARE = (ROOT / "tests/data/openclaw_bare.json").read_text()


def changed(**pointsman: Any) -> str:
    return json.dumps({**json.loads(BARE), "pointsman": pointsman})


def refused(text: str, overrides: dict[Tier, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        openclaw.parse(text, overrides)
    return str(caught.value)


def test_the_bare_block_loads_with_defaults() -> None:
    config = openclaw.parse(BARE)

    assert config.routing.of(Tier.ORCHESTRATION) == "gemini-2.0-flash"
    assert config.agents["work"].model == "claude-haiku-4-5"
    section = config.pointsman
    assert (section.budget.month_usd, section.budget.day_usd, section.budget.tiers) == (Decimal(5), None, {})
    assert [section.budget.when_exhausted_for(tier) for tier in Tier] == ["refuse"] * 3
    assert (section.chains, section.quotas, section.paid_models, section.free_to_paid) == (
        {},
        {},
        [],
        [Tier.ORCHESTRATION],
    )
    assert (section.classifier.mode, section.classifier.threshold) == ("local_first", None)
    assert config.baseline == "claude-sonnet-4-5"


def test_the_shipped_file_names_models_that_are_alive() -> None:
    config = openclaw.parse((ROOT / "openclaw.json").read_text())
    assert [load_catalog().get(config.routing.of(tier)).ends for tier in Tier] == [None] * 3
    assert (ROOT / "layers/core/pointsman/openclaw.json").read_text() == (ROOT / "openclaw.json").read_text()


def test_everything_that_may_be_said() -> None:
    config = openclaw.parse(
        changed(
            chains={"reasoning": ["claude-sonnet-5-5", "claude-haiku-5-5"]},
            budget={
                "day_usd": 0.1,
                "month_usd": None,
                "tiers": {"reasoning": {"month_usd": "2.50"}},
                "when_exhausted": {"reasoning": "degrade"},
            },
            quotas={"gemini-3.5-flash-lite": {"rpm": 5}},
            paid_models=["gemini-3.1-flash-lite"],
            free_to_paid=[],
            baseline="claude-haiku-4-5",
            classifier={"mode": "gemini", "threshold": 0.7, "tiers": {"documentation": "orchestration"}},
        )
    )
    budget = config.pointsman.budget
    assert (budget.day_usd, budget.month_usd) == (Decimal("0.1"), None)
    assert budget.tiers[Tier.REASONING].month_usd == Decimal("2.5")
    assert [budget.when_exhausted_for(tier) for tier in Tier] == ["refuse", "refuse", "degrade"]
    assert config.baseline == "claude-haiku-4-5"
    assert config.pointsman.classifier.tiers == {TaskType.DOCUMENTATION: Tier.ORCHESTRATION}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", ["must be JSON"]),
        ("[]", ["the file"]),
        ("{}", ["key 'routing' is required"]),
        ('{"routing": {"orchestration": "gemini-2.0-flash"}}', ["key 'routing.reasoning' is required"]),
        ('{"routing": {}, "routing": {}}', ["a key is given twice"]),
        (BARE.replace('"agents"', '"agent"'), ["unknown key 'agent'", "did you mean agents?", "agents, routing, poi"]),
        (BARE.replace('"description"', '"role"', 1), ["unknown key 'agents.main.role'", "model, description"]),
        (BARE.replace('"reasoning":', '"thinking":'), ["unknown key 'routing.thinking'", "implementation, reasoning"]),
        (changed(budgets={}), ["unknown key 'pointsman.budgets'", "did you mean budget?", "free_to_paid"]),
        (changed(budget={"month": 5}), ["unknown key 'pointsman.budget.month'", "day_usd, month_usd"]),
        (
            changed(budget={"tiers": {"reasoning": {"month": 5}}}),
            ["unknown key 'pointsman.budget.tiers.reasoning.month'", "day_usd, month_usd"],
        ),
        (changed(budget={"tiers": {"gold": {}}}), ["pointsman.budget.tiers.gold", "'reasoning'"]),
        (
            changed(quotas={"gemini-3.5-flash-lite": {"rph": 5}}),
            ["'pointsman.quotas.gemini-3.5-flash-lite.rph'", "rpm"],
        ),
        (changed(classifier={"mod": "x"}), ["unknown key 'pointsman.classifier.mod'", "mode, prefer, threshold"]),
        (changed(classifier={"mode": "x"}), ["pointsman.classifier.mode", "'local_first' or 'gemini'"]),
        (changed(classifier={"tiers": {"docs": "reasoning"}}), ["pointsman.classifier.tiers.docs", "'documentation'"]),
        (changed(classifier={"tiers": {"documentation": "gold"}}), ["classifier.tiers.documentation", "'reasoning'"]),
        (changed(classifier={"threshold": 2}), ["pointsman.classifier.threshold", "less than or equal to 1"]),
        (changed(budget={"month_usd": -1}), ["pointsman.budget.month_usd", "greater than or equal to 0"]),
        (
            changed(budget={"when_exhausted": "stop"}),
            ["pointsman.budget.when_exhausted", "'degrade', 'hold' or 'refuse'"],
        ),
        (changed(chains={"reasoning": []}), ["pointsman.chains.reasoning", "at least 1"]),
        (changed(chains={"gold": ["claude-haiku-5-5"]}), ["pointsman.chains.gold", "'reasoning'"]),
    ],
)
def test_an_error_names_the_key_and_the_choices(text: str, words: list[str]) -> None:
    message = refused(text)
    assert message.startswith("openclaw.json: ")
    assert [word for word in words if word not in message] == [], message


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (BARE.replace("claude-haiku-4-5", "claude-haiku-45", 1), "agents.work.model"),
        (BARE.replace('"implementation": "claude-haiku-4-5"', '"implementation": "claude-haiku-45"'), "routing.impl"),
        (changed(chains={"reasoning": ["claude-haiku-45"]}), "pointsman.chains.reasoning"),
        (changed(quotas={"claude-haiku-45": {}}), "pointsman.quotas"),
        (changed(paid_models=["claude-haiku-45"]), "pointsman.paid_models"),
        (changed(baseline="claude-haiku-45"), "pointsman.baseline"),
    ],
)
def test_an_unknown_model_is_named_with_the_choices(text: str, where: str) -> None:
    message = refused(text)
    assert message.startswith(f"openclaw.json: {where}")
    assert "unknown model 'claude-haiku-45' (did you mean claude-haiku-4-5?); choose from gemini-2.0-flash, " in message


def test_the_environment_overrides_a_tier() -> None:
    config = openclaw.parse(BARE, {Tier.REASONING: "claude-haiku-5-5"})
    assert [config.routing.of(tier) for tier in Tier] == ["gemini-2.0-flash", "claude-haiku-4-5", "claude-haiku-5-5"]


def test_an_override_takes_the_first_place_of_a_stated_chain() -> None:
    text = changed(chains={"reasoning": ["claude-sonnet-5-5", "claude-haiku-5-5"]})
    config = openclaw.parse(text, {Tier.REASONING: "claude-haiku-4-5"})
    assert config.pointsman.chains == {Tier.REASONING: ["claude-haiku-4-5", "claude-haiku-5-5"]}


def test_an_unknown_override_is_an_error_that_names_the_variable() -> None:
    message = refused(BARE, {Tier.ORCHESTRATION: "gemini-9"})
    assert message.startswith("MODEL_OVERRIDE_ORCHESTRATION: unknown model 'gemini-9'")


def test_the_configuration_is_not_changed_by_who_has_it() -> None:
    config = OpenClaw.model_validate(json.loads(BARE))
    with pytest.raises(ValueError, match="frozen"):
        config.routing = config.routing  # type: ignore[misc]


def test_checks_and_audit_are_off_until_they_are_stated() -> None:
    bare = openclaw.parse(BARE)
    assert (bare.pointsman.verify, bare.pointsman.audit.share) == ({}, 0.0)
    assert bare.audit_model == bare.baseline
    config = openclaw.parse(
        changed(
            verify={"code_generation": {"language": "python", "sections": ["Usage"], "judge": True}},
            audit={"share": 0.05, "model": "claude-haiku-5-5"},
            baseline="claude-sonnet-5-5",
        )
    )
    assert config.pointsman.verify[TaskType.CODE_GENERATION].sections == ("Usage",)
    assert config.audit_model == "claude-haiku-5-5"


CODE = "pointsman.verify.code_generation"


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ({"verify": {"code_generation": {"langauge": "python"}}}, f"unknown key '{CODE}.langauge' (did you mean lang"),
        ({"verify": {"code_generation": {"language": "cobol"}}}, f"{CODE}.language: Input should be 'python', 'json'"),
        ({"verify": {"code_generation": {}}}, f"{CODE}: states no check; choose from complete, min_chars"),
        ({"verify": {"code_generation": {"min_chars": 2, "max_chars": 1}}}, "min_chars must not be above max_chars"),
        ({"verify": {"code_generation": {"json_schema": {"type": "strng"}}}}, f"{CODE}.json_schema: must be a JSON"),
        ({"verify": {"code_generation": {"json_schema": {"$ref": "https://x.test/a"}}}}, "a $ref must point within"),
        ({"audit": {"shares": 1}}, "unknown key 'pointsman.audit.shares' (did you mean share?)"),
        ({"audit": {"model": "gpt"}}, "pointsman.audit.model: unknown model 'gpt'"),
    ],
)
def test_invalid_checks_and_audit_are_named_in_the_error(stated: dict[str, Any], told: str) -> None:
    assert told in refused(changed(**stated))


def test_the_schema_library_is_imported_only_when_a_schema_is_declared() -> None:
    script = "import sys; from pointsman.routing import config; config.parse(sys.argv[1]); "
    script += "print('fastjsonschema' in sys.modules)"

    def imported(text: str) -> str:
        return subprocess.run([sys.executable, "-c", script, text], capture_output=True, text=True, check=True).stdout

    assert imported(changed(verify={"status": {"language": "json"}})) == "False\n"
    assert imported(changed(verify={"status": {"json_schema": {"type": "object"}}})) == "True\n"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"effort": {"designs": "low"}}, "pointsman.effort.designs: must be a tier or a type: orchestration, impl"),
        ({"effort": {"status": "minimal"}}, "pointsman.effort.status: Input should be 'none', 'low', 'medium', 'high'"),
        ({"output_caps": {"status": 0}}, "pointsman.output_caps.status: Input should be greater than or equal to 1"),
        ({"output_caps": {"status": 128_001}}, "pointsman.output_caps.status: Input should be less than or equal to"),
        ({"paid_models": ["gemma-4-31b-it"]}, "pointsman.paid_models: gemma-4-31b-it has no paid tier"),
    ],
)
def test_invalid_effort_and_caps_are_named_in_the_error(options: dict[str, Any], told: str) -> None:
    assert told in refused(changed(**options))


def test_type_counts_before_its_tier_and_a_name_of_both_is_the_tier_s() -> None:
    options = openclaw.parse(
        changed(effort={"orchestration": "low", "status": "high"}, output_caps={"reasoning": 9})
    ).pointsman
    tier = Tier.ORCHESTRATION
    assert [options.effort_of(tier, kind) for kind in (None, TaskType.ORCHESTRATION, TaskType.STATUS)] == [
        "low",
        "low",
        "high",
    ]
    assert options.effort_of(Tier.REASONING, TaskType.ORCHESTRATION) is None
    assert (options.output_cap_of(Tier.REASONING, None), options.output_cap_of(tier, None)) == (9, None)


def test_published_schema_is_up_to_date_and_agrees_with_the_loader() -> None:
    assert SCHEMA_FILE.read_text() == schema_text()
    schema = Draft202012Validator(json.loads(SCHEMA_FILE.read_text()))
    configured = changed(effort={"status": "low"}, output_caps={"status": 9})
    for text in (BARE, (ROOT / "openclaw.json").read_text(), configured):
        assert schema.is_valid(json.loads(text))
    for options in ({"efort": {}}, {"effort": {"designs": "low"}}, {"effort": {"status": "minimal"}}):
        assert not schema.is_valid(json.loads(changed(**options)))


LIMITED = "openclaw.json: pointsman.limits"


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"rules": [{"month_usd": 1}]}, f"{LIMITED}.rules.0: must name one of sender, agent, ticket"),
        ({"rules": [{"agent": "a", "ticket": "b", "rpm": 1}]}, "must name one of sender, agent, ticket"),
        (
            {"rules": [{"sender": "key:ci"}]},
            "states no limit; choose from day_usd, month_usd, rpm, in_flight",
        ),
        ({"rules": [{"sender": "ci", "rpm": 1}]}, "sender must be like key:NAME, role:ID or service:NAME"),
        ({"rules": [{"sender": "role:AROAX:ada", "rpm": 1}]}, "a role is named by its id alone"),
        ({"rules": [{"sender": "*", "rpm": 0}]}, f"{LIMITED}.rules.0.rpm: Input should be greater than or equal to 1"),
        (
            {"rules": [{"sender": "*", "in_flight": 201}]},
            f"{LIMITED}.rules.0.in_flight: Input should be less than",
        ),
        ({"rules": [{"sender": "*", "rpms": 1}]}, "unknown key 'pointsman.limits.rules.0.rpms' (did you mean rpm?)"),
        ({"rules": [{"ticket": "", "rpm": 1}]}, f"{LIMITED}.rules.0.ticket: String should have at least 1 character"),
        (
            {"rules": [{"sender": "*", "highest_tier": "top"}]},
            f"{LIMITED}.rules.0.highest_tier: Input should be",
        ),
        ({"split": 1}, "unknown key 'pointsman.limits.split' (did you mean split_usd?)"),
        ({"split_usd": -1}, f"{LIMITED}.split_usd: Input should be greater than or equal to 0"),
    ],
)
def test_bad_limit_is_one_error_that_names_the_key(limits: dict[str, Any], told: str) -> None:
    message = refused(changed(limits=limits))
    assert told in message
    assert message.count("pointsman.limits") == 1, message
