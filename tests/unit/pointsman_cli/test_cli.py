"""Commands without a stack, and what all commands have in common."""

import io
import json
import os
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, SSLError

import devstack
from pointsman.routing.classifier.local import LocalClassifier
from pointsman.values.taxonomy import TIER_OF, TaskType
from pointsman_cli import reading, stacks
from pointsman_cli.aws_errors import next_step
from pointsman_cli.main import main, run_command
from tests.support.paths import ROOT
from tests.support.schemas import check_document
from tests.support.tls import Authority, receiver

COMMANDS = (
    "up",
    "down",
    "init",
    "doctor",
    "validate",
    "route",
    "submit",
    "list",
    "watch",
    "cancel",
    "rerun",
    "status",
    "result",
    "report",
    "cost",
    "sweep",
    "replay",
    "evaluate",
    "correct",
    "mcp",
    "tune",
)

GROUPED = (
    "openclaw export",
    "openclaw import",
    "openclaw skill",
    "budget",
    "budget raise",
    "key create",
    "key list",
    "key revoke",
    "webhook secret",
    "service install",
    "service status",
    "service remove",
)


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """There is no local stack, and no openclaw.json in the current directory."""
    monkeypatch.setattr(stacks, "STATE_DIR", tmp_path / "none")
    monkeypatch.chdir(tmp_path)
    for tier in ("ORCHESTRATION", "IMPLEMENTATION", "REASONING"):
        monkeypatch.delenv(f"MODEL_OVERRIDE_{tier}", raising=False)


def feed(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))


def printed_objects(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("command", [*COMMANDS, *GROUPED])
def test_help_of_each_command_has_examples_and_exit_codes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"pointsman {command}" in shown.split("Examples:")[1]
    assert "Exit codes:" in shown
    assert "--json" in shown


def test_no_command_prints_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n  {command} " in shown for command in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nonsense"], 2),
        (["status"], 2),
        (["openclaw"], 2),
        (["openclaw", "import", "no-such.json"], 2),
        (["route", "--tier", "premium", "x"], 2),
        (["route", "--offline", "x", "--config", "no-such.json"], 2),
        (["status", "t1"], 1),
        (["status", "t1", "--profile", "team"], 2),
        (["report", "--date", "tomorrow"], 2),
        (["report", "--to", "2026-11-21"], 2),
        (["report", "--from", "2026-11-01", "--date", "2026-11-21"], 2),
        (["report", "--from", "1 November"], 2),
        (["submit"], 2),
        (["submit", "x", "--file", "y"], 2),
        (["submit", "   "], 2),
        (["submit", "x", "--metadata", "novalue"], 2),
        (["submit", "x", "--task-id", "no spaces"], 2),
        (["submit", "x", "--task-id", "t", "--idempotency-key", "k"], 2),
        (["submit", "x" * 1_048_577], 2),
        (["validate", "--file", "no-such.json"], 2),
        (["status", "t1", "--stack", "s", "--profile", "no-such-profile"], 1),
    ],
)
def test_error_is_one_line_on_stderr(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("pointsman: ")
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["statsu"], "Did you mean 'status'?"),
        (["submit", "x", "--teir", "reasoning"], "Did you mean --tier or --type?"),
        (["submit", "x", "--type", "code_generatoin"], "Did you mean code_generation?"),
        (["route", "x", "--tier", "reasonin"], "Did you mean reasoning?"),
        (["correct", "t1", "--type", "statsu"], "Did you mean status?"),
    ],
)
def test_typo_gets_a_suggestion(arguments: list[str], suggestion: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert suggestion in capsys.readouterr().err


def test_usage_error_names_the_help_of_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 2
    assert "(see `pointsman status --help`)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "step"),
    [
        (["status", "t1"], "`pointsman up`"),
        (["status", "t1", "--stack", "s", "--profile", "no-such-profile"], "aws configure list-profiles"),
    ],
)
def test_unreachable_stack_error_has_the_next_step(
    arguments: list[str], step: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    assert step in capsys.readouterr().err


@pytest.mark.parametrize(
    ("code", "step"),
    [("ExpiredToken", "aws sso login"), ("AccessDenied", "permission"), ("ThrottlingException", "again")],
)
def test_aws_error_has_the_next_step(
    code: str, step: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object) -> None:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "GetItem")

    monkeypatch.setattr(stacks, "connect", refused)
    assert main(["sweep"]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith(f"pointsman: AWS refused GetItem: {code}")
    assert step in printed


@pytest.mark.parametrize(
    ("code", "message", "step"),
    [
        ("SignatureDoesNotMatch", "Signature expired: 20261127T100000Z is now earlier than 20261127T101500Z", "clock"),
        ("InvalidSignatureException", "Signature expired: 20261127T100000Z is now earlier than 2026", "clock"),
        ("InvalidSignatureException", "Signature not yet current: 20261127T110000Z is still later than 2026", "clock"),
        ("RequestTimeTooSkewed", "The difference between the request time and the current time is too large.", "clock"),
        ("RequestExpired", "Request has expired.", "clock"),
        ("RequestInTheFuture", "The request is from the future.", "clock"),
        ("SignatureDoesNotMatch", "The request signature we calculated does not match the signature", "aws configure"),
        ("InvalidClientTokenId", "The security token included in the request is invalid.", "aws configure"),
        ("ExpiredToken", "The security token included in the request is expired", "aws sso login"),
    ],
)
def test_refusal_of_a_signature_tells_the_clock_from_the_key(code: str, message: str, step: str) -> None:
    assert step in next_step(ClientError({"Error": {"Code": code, "Message": message}}, "GetCallerIdentity"))


def call_aws(url: str) -> BotoCoreError:
    """Return the SDK's error for a call to that address."""
    options = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=2)
    session = boto3.Session("AKIA", "secret", region_name="us-east-1")
    with pytest.raises(BotoCoreError) as caught:
        session.client("sts", endpoint_url=url, config=options).get_caller_identity()
    return caught.value


@pytest.mark.parametrize("bundle", ["absent.pem", "empty.pem", None])
def test_certificate_error_names_the_variable(
    bundle: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The certificate is of a company's authority, and the file with it is not set, not there or not one."""
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    (tmp_path / "empty.pem").touch()
    if bundle:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / bundle))
    with receiver(Authority(tmp_path).certificate("localhost")) as here:
        assert "AWS_CA_BUNDLE" in next_step(call_aws(f"https://localhost:{here.port}"))


def test_certificate_of_another_time_names_the_clock() -> None:
    for words in ("certificate is not yet valid", "certificate has expired"):
        error = SSLError(endpoint_url="https://sts.amazonaws.com", error=f"certificate verify failed: {words}")
        assert "clock" in next_step(error)


def test_connection_error_names_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as environment:
        environment.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
        environment.delenv("NO_PROXY", raising=False)
        environment.delenv("no_proxy", raising=False)
        assert "correct HTTPS_PROXY" in next_step(call_aws("https://sts.example"))
    assert "behind a proxy, set HTTPS_PROXY" in next_step(call_aws("https://127.0.0.1:1"))


MARK = "\ufeff"


def test_byte_order_mark_before_input_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Windows' editors and shells write it."""
    line = json.dumps({"id": 1, "body": MARK + '{"prompt": "a"}'})
    (tmp_path / "lines").write_text(f"{MARK}{line}\n{MARK}{line}\n")
    assert main(["validate", "--jsonl", "--file", "lines"]) == 0
    assert [json.loads(it)["valid"] for it in capsys.readouterr().out.splitlines()] == [True, True]
    (tmp_path / "texts").write_text(MARK + json.dumps({"id": 1, "text": "Is the build green?"}))
    assert main(["route", "--offline", "--jsonl", "--file", "texts"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == 1
    assert reading.check_text(f"{MARK}Is it green?") == "Is it green?"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("pointsman doc", {"doctor"}),
        ("pointsman submit --tier r", {"reasoning"}),
        ("pointsman submit --ti", {"--tier"}),
    ],
)
def test_shell_completes_commands_options_and_values(
    words: str, expected: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_POINTSMAN_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    assert expected <= set(capsys.readouterr().out.split())


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("pointsman 0.")


def test_doctor_without_a_stack_says_how_to_start_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 5
    printed = json.loads(capsys.readouterr().out)
    assert printed["ok"] is False
    assert [finding["state"] for finding in printed["findings"]] == ["to do", "ok", "ok", "ok", "not checked"]
    assert "pointsman up" in printed["findings"][0]["do"]


def test_unexpected_error_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr(stacks, "connect", broken)
    assert main(["sweep"]) == 1
    assert capsys.readouterr().err == "pointsman: RuntimeError: first line second line\n"


def test_ctrl_c_exits_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stacks, "connect", interrupted)
    assert main(["sweep", "--json"]) == 130
    printed = capsys.readouterr()
    assert printed.err == "pointsman: interrupted\n"
    assert json.loads(printed.out)["error"]["code"] == "interrupted"


def test_reader_that_is_gone_gets_no_traceback() -> None:
    """The reader is gone before the command flushes what it has printed, at its end."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [sys.executable, "-m", "pointsman_cli.main", "config", "check"]
    done = subprocess.run(command, cwd=ROOT, stdout=write_end, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (1, "")


def test_list_of_commands_cuts_off_no_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for group in ([], ["openclaw"], ["key"], ["webhook"], ["config"], ["budget"]):
        assert main([*group, "--help"]) == 0
        assert "..." not in capsys.readouterr().out.partition("Commands:")[2].partition("Examples:")[0]


def test_validate_prints_the_task_with_its_defaults(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    feed(monkeypatch, b'{"prompt": "Write a changelog", "tier": "implementation"}')
    assert main(["validate", "--json"]) == 0
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["valid"] is True
    assert verdict["error"] is None
    assert verdict["task"] | {"prompt": "Write a changelog", "tier": "implementation"} == verdict["task"]
    assert (verdict["task"]["task_id"], verdict["task"]["private"]) == (None, False)


def test_validate_takes_the_id_from_the_envelope(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.json").write_text(
        json.dumps({"Type": "Notification", "MessageId": "m-1", "Message": '{"prompt": "x"}'})
    )
    assert main(["validate", "--file", "m.json", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["task"]["task_id"] == "m-1"


def test_validate_names_field_and_rule_without_the_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    feed(monkeypatch, b'{"prompt": "x", "tier": "sesame"}')
    assert main(["validate"]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("invalid: tier: must be one of orchestration")
    assert "sesame" not in printed.err + printed.out


def test_validate_jsonl_answers_every_line_in_order(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    feed(
        monkeypatch,
        b'{"id": 7, "body": "{\\"prompt\\": \\"x\\"}"}\r\n'
        b"\n"
        b"nonsense\n"
        b"\xff\n"
        b"[1]\n"
        b'{"id": NaN, "body": "{}"}\n'
        b'{"id": "b", "body": {"prompt": "x"}}\n'
        b'{"id": "c", "body": "{\\"prompt\\": \\"\\\\ud800\\"}"}\n'
        b'{"body": "{}"}',
    )
    assert main(["validate", "--jsonl"]) == 0
    answers = printed_objects(capsys)
    assert [answer["id"] for answer in answers] == [7, None, None, None, None, None, "b", "c", None]
    assert [answer["valid"] for answer in answers] == [True] + [False] * 8
    assert all(set(answer) == {"id", "valid", "error", "task"} for answer in answers)
    assert all((answer["error"] is None) is answer["valid"] for answer in answers)
    assert answers[6]["error"] == "body: must be a string"
    assert answers[8]["error"] == "prompt: is required"


def test_validate_refuses_a_message_too_large_for_sqs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    largest = json.dumps({"prompt": "x" * (1_048_576 - len(json.dumps({"prompt": ""})))}).encode()
    feed(monkeypatch, largest)
    assert main(["validate"]) == 0
    feed(monkeypatch, largest + b" ")
    assert main(["validate"]) == 2
    assert "1048576 bytes" in capsys.readouterr().err


def test_route_offline_prints_the_decision(capsys: pytest.CaptureFixture[str]) -> None:
    text = "Write unit tests for the invoice parser: empty file, missing columns, duplicate rows."
    assert main(["route", "--offline", text, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == [
        "type",
        "tier",
        "model",
        "source",
        "confidence",
        "reason",
        "estimated_cost_usd",
        "estimated_cost_nano_usd",
        "lanes",
    ]
    check_document("route", answer)
    standard, economy = answer["lanes"]["standard"], answer["lanes"]["economy"]
    assert (answer["lanes"]["lane"], economy["not_because"]) == ("standard", None)
    assert standard["estimated_cost_nano_usd"] == 2 * economy["estimated_cost_nano_usd"] > 0
    assert answer["estimated_cost_nano_usd"] == round(answer["estimated_cost_usd"] * 10**9)
    assert (answer["type"], answer["tier"], answer["model"]) == ("test_writing", "implementation", "claude-haiku-5-5")
    assert answer["source"] == "local"
    assert 0 < answer["estimated_cost_usd"] < 0.001


def test_route_offline_guesses_an_unclear_task(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["route", "--offline", "qzx vrrp", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["source"] == "guess"
    assert answer["tier"] != "orchestration"


def test_route_without_a_stack_notes_that_it_decides_offline(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["route", "x", "--type", "status", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["source"] == "explicit"
    assert printed.err.startswith("Deciding offline: no local stack is running")


@pytest.mark.parametrize(
    ("options", "model", "costs"),
    [
        (["--tier", "orchestration"], "gemini-3.5-flash-lite", False),
        (["--tier", "orchestration", "--private"], "claude-haiku-5-5", True),
        (["--tier", "reasoning", "--type", "status"], "claude-sonnet-5-5", True),
    ],
)
def test_route_prints_model_and_cost(
    options: list[str], model: str, costs: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["route", "--offline", "x", *options, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["model"] == model
    assert (answer["estimated_cost_usd"] > 0) is costs


def test_route_uses_local_openclaw_json_and_model_overrides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    routing = {
        "orchestration": "gemini-2.0-flash",
        "implementation": "claude-haiku-4-5",
        "reasoning": "claude-sonnet-4-5",
    }
    (tmp_path / "openclaw.json").write_text(json.dumps({"routing": routing}))
    monkeypatch.setenv("MODEL_OVERRIDE_REASONING", "claude-sonnet-5-5")
    served = []
    for tier in routing:
        assert main(["route", "--offline", "x", "--tier", tier, "--json"]) == 0
        served.append(json.loads(capsys.readouterr().out)["model"])
    assert served == ["gemini-3.5-flash-lite", "claude-haiku-4-5", "claude-sonnet-5-5"]
    monkeypatch.setenv("MODEL_OVERRIDE_REASONING", "claude-opus-9")
    assert main(["route", "--offline", "x"]) == 2
    assert "MODEL_OVERRIDE_REASONING: unknown model 'claude-opus-9'" in capsys.readouterr().err


def test_private_task_has_no_model_if_all_are_free(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chains = {"orchestration": ["gemini-3.5-flash-lite"]}
    routing = dict.fromkeys(("orchestration", "implementation", "reasoning"), "gemini-3.5-flash-lite")
    (tmp_path / "c.json").write_text(json.dumps({"routing": routing, "pointsman": {"chains": chains}}))
    arguments = ["route", "--offline", "x", "--type", "status", "--private", "--config", "c.json", "--json"]
    assert main(arguments) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["model"], answer["estimated_cost_usd"]) == (None, None)


def test_route_jsonl_answers_every_line_in_order(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    feed(
        monkeypatch,
        b'{"id": "a", "text": "x", "tier": "reasoning"}\n'
        b"broken\n"
        b'{"text": "x", "type": "status", "private": true}\n'
        b'{"id": 0, "text": "  "}\n'
        b'{"id": "d"}\n'
        b'{"id": "e", "text": "x", "type": "poetry"}\n',
    )
    assert main(["route", "--offline", "--jsonl"]) == 0
    answers = printed_objects(capsys)
    assert [answer.get("id") for answer in answers] == ["a", None, None, 0, "d", "e"]
    assert "id" not in answers[2]
    assert (answers[0]["tier"], answers[2]["model"]) == ("reasoning", "claude-haiku-5-5")
    assert [answer.get("error", "")[:5] for answer in answers] == ["", "line:", "", "text:", "text:", "type:"]


ODD_TEXTS = (
    "🚀🔥💯", "fix\x07 the \x1b[31mbug\x1b[0m\u200b\u202e", "nul \x00 in it", "lone \ud800 surrogate", "\ufeffmark",
    "x " * 50_000, "中" * 100_000, "." * 100_000, "a" * 100_000, "{" * 30_000, "((" * 40_000, "<!--" * 25_000,
    "- " * 40_000,
    "```\n" * 20_000, "\n" * 99_999 + "fix it", "e\u0301\u0301" * 20_000, '{"title":' + "[" * 3_000,
    "\n".join(f"2026-01-01T00:00:{n % 60:02} INFO line {n}" for n in range(3_000)),
)  # fmt: skip


def test_route_jsonl_decides_odd_texts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.dumps({"id": number, "text": text}) for number, text in enumerate(ODD_TEXTS)]
    feed(monkeypatch, "\n".join(lines).encode())  # the last line without an end
    assert main(["route", "--offline", "--jsonl"]) == 0
    answers = printed_objects(capsys)
    assert [answer["id"] for answer in answers] == list(range(len(ODD_TEXTS)))
    assert all(0 < answer["confidence"] <= 1 and answer["tier"] for answer in answers)


def test_route_jsonl_decides_as_the_evaluation_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = ROOT / "tests/data/independent.jsonl"
    texts = [json.loads(line) for line in file.read_text().splitlines()]
    feed(monkeypatch, "\n".join(json.dumps({"text": row["text"]}) for row in texts).encode())
    assert main(["route", "--offline", "--jsonl"]) == 0
    answers = printed_objects(capsys)
    right = [answer["tier"] == TIER_OF[TaskType(row["type"])] for answer, row in zip(answers, texts, strict=True)]
    sure = [answer["source"] == "local" for answer in answers]
    assert main(["evaluate", str(file), "--json"]) == 0
    accepted = json.loads(capsys.readouterr().out)["sets"][0]["accepted"]["everything"]
    assert accepted["acceptable"]["count"] == sum(right)
    assert (accepted["coverage"]["count"], accepted["precision"]["of"]) == (sum(sure), sum(sure))


def test_route_file_may_be_a_message_or_a_prompt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "task.json").write_text('{"prompt": "x", "tier": "reasoning"}')
    (tmp_path / "text.txt").write_text(
        '{"tier": "reasoning"} is what the config says. Document this option in the README.'
    )
    tiers = []
    for file in ("task.json", "text.txt"):
        assert main(["route", "--offline", "--file", file, "--json"]) == 0
        tiers.append(json.loads(capsys.readouterr().out)["tier"])
    assert tiers == ["reasoning", "implementation"]


def test_route_offline_decides_as_the_routers_classifier(capsys: pytest.CaptureFixture[str]) -> None:
    text = "Find the root cause of the deadlock between the two workers."
    verdict = LocalClassifier.load().classify(text)
    assert main(["route", "--offline", text, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["type"], answer["confidence"]) == (str(verdict.type), round(verdict.tier_probability, 4))


def test_up_env_prints_lines_that_a_shell_exports(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Uses the running stack; starts none."""
    stand_in = devstack.FakedProviders(gemini=True, anthropic=True)
    info = devstack.StackInfo(state_dir=Path("x y"), token="t", endpoint="http://127.0.0.1:4566", stand_in=stand_in)
    monkeypatch.setattr(devstack, "find_stack", lambda _: info)
    assert main(["up", "--env"]) == 0
    script = f"{capsys.readouterr().out}env"
    shown = subprocess.run(["/bin/sh", "-c", script], env={}, check=True, capture_output=True, text=True).stdout
    assert set(shown.splitlines()) >= {f"{name}={value}" for name, value in info.environment.items()}


def test_ctrl_c_while_the_commands_are_imported_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Interrupted:
        def __getattr__(self, name: str) -> object:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "pointsman_cli.app", Interrupted())  # type: ignore[arg-type]
    assert main(["status", "t-1"]) == 130
    assert capsys.readouterr().err == "pointsman: interrupted\n"


def test_installed_command_runs_the_function_that_exists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert EntryPoint("pointsman", project["scripts"]["pointsman"], "console_scripts").load() is run_command


@pytest.mark.parametrize("where", ["file", "stdin", "config"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_of_windows_are_read_or_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], where: str, encoding: str
) -> None:
    """tradesdontlie/tradingview-mcp 419: Windows PowerShell writes a byte-order mark, or UTF-16."""
    message, own = tmp_path / "message.json", tmp_path / "openclaw.json"
    message.write_text('{"prompt": "Is it up?", "tier": "orchestration"}', encoding=encoding)
    own.write_text((ROOT / "openclaw.json").read_text(), encoding=encoding)
    if where == "stdin":
        feed(monkeypatch, message.read_bytes())
    words = {
        "file": ["validate", "--file", str(message)],
        "stdin": ["validate"],
        "config": ["route", "--offline", "--config", str(own), "Is it up?"],
    }[where]
    readable = encoding == "utf-8-sig"
    assert main(words) == (0 if readable else 2)
    printed = capsys.readouterr()
    assert readable or printed.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code", "next_step"),
    [
        (["validate", "--file", "none.json"], "bad_input", 2, None),
        (["submit", "x", "--teir", "reasoning"], "bad_input", 2, None),
        (["status", "t-1"], "failed", 1, "pointsman up"),
        (["report", "--html", "--json"], "bad_input", 2, None),
    ],
)
def test_error_is_a_document_with_json(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: str, exit_code: int, next_step: str | None
) -> None:
    assert main([*arguments, "--json"]) == exit_code
    printed = capsys.readouterr()
    check_document("error", json.loads(printed.out))
    error = json.loads(printed.out)["error"]
    assert (error["code"], set(error)) == (code, {"code", "message", "next"})
    assert error["message"] in printed.err
    assert (next_step or "") in (error["next"] or "")


@pytest.mark.parametrize("command", [["submit"], ["route", "--offline"]], ids=["submit", "route"])
def test_argument_that_is_not_utf_8_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """simonw/llm 768 and TheR1D/shell_gpt 667: Python keeps such bytes as lone surrogates."""
    assert main([*command, b"caf\xe9 parser".decode(errors="surrogateescape")]) == 2
    assert capsys.readouterr().err == "pointsman: TEXT: must be UTF-8\n"
