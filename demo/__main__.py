"""Runs the demo: `python -m demo [--json]`."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

import devstack
from demo import checks, fake_providers, phases, progress, samples, show
from demo.results import StackResults, collect_results, take_lane_turn
from demo.traffic import Traffic
from devstack.toolchain import ROOT
from pointsman.entrypoints.cost_report import build_reporting
from pointsman.report.render.html import render_html
from pointsman_cli import output
from pointsman_cli.app import explain_error
from pointsman_cli.errors import CommandError, Exit
from pointsman_cli.stacks import STATE_DIR, connect_to_local

_FOLDER = ROOT / "build/demo"
_RESULT_FILES = ("result.json", "report.json", "report.txt", "report.html")
_REPLY_QUEUE_ARN = f"arn:aws:sqs:us-east-1:000000000000:{phases.REPLY_QUEUE}"


_TRY_IT = 'Try it yourself: pointsman up, then pointsman submit "..." --wait'
_LOOK_AT_IT = "The stack is still up. Look at what it did: pointsman ui. Stop it: pointsman down"


@dataclass
class _Demo:
    """One run of the demo."""

    info: devstack.StackInfo
    console: Console
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    gemini_out_since: float | None = None
    """Unix time from which every Gemini request is refused."""
    regain: datetime | None = None
    """When Anthropic serves the account again after its limit."""
    page: str = ""
    """The daily report's page, without links to other days, which do not exist here."""

    def run(self) -> dict[str, Any]:
        """Send all samples, follow them to the end and return the document of result.json."""
        stack = connect_to_local(self.info)
        reply_url = self.info.client("sqs").create_queue(QueueName=phases.REPLY_QUEUE)["QueueUrl"]
        traffic = Traffic(stack.runtime, [], lambda: take_lane_turn(stack))
        self._play(traffic)
        traffic.await_deliveries()
        outcomes = [message.outcome for message in traffic.messages]
        replies = len(checks.expecting_reply(traffic.messages))
        results = collect_results(stack, self.began, reply_url, rejected=outcomes.count("rejected"), replies=replies)
        report = stack.runtime.part(build_reporting).build(date.fromisoformat(results.report["date"]))
        self.page = render_html(report, linked=False)
        return {
            "stand_in": self.info.stand_in.any,
            "seconds": round((datetime.now(UTC) - self.began).total_seconds(), 1),
            "tasks": [show.result_entry(stack.runtime, message) for message in traffic.messages],
            "dead_letters": results.dead_letters,
            "report": results.report,
            "report_text": results.report_text,
            "checks": self._run_checks(traffic, results),
        }

    def _play(self, traffic: Traffic) -> None:
        playable, skipped = phases.split_playable(self.info.stand_in)
        if not self.info.stand_in.any:
            self.console.print("Real models answer. This costs about 15 cents: one of the messages is a 700 KB log.")
        all_samples = samples.load_samples()
        for phase in skipped:
            self.console.print(f"Skipped, because {phase.needs} is not faked: {phase.name}", highlight=False)
        for phase in playable:
            if phase.faults and self.info.fake_providers_url:
                regain = phases.next_regain(datetime.now(UTC))
                fake_providers.add_faults(self.info.fake_providers_url, phase.faults_from(regain))
                self.regain = regain if phase is phases.ACCOUNT_PHASE else None
            if phase is phases.GEMINI_QUOTA_PHASES[0]:
                self.gemini_out_since = time.time()
            phase_samples = phases.samples_of(phase, all_samples)
            with progress.show_progress(self.console, phase.name, len(phase_samples)) as update:
                if not traffic.run(phase, phase_samples, update):
                    self.console.print("  Timed out: see the checks", highlight=False)

    def _run_checks(self, traffic: Traffic, results: StackResults) -> dict[str, checks.DemoCheck]:
        by_name = {
            "every_message_accounted_for": checks.check_settled(traffic.messages),
            "dead_letters_match_rejections": checks.check_dead_letters(traffic.messages, results),
            "everything_delivered": checks.check_delivered(traffic.messages),
            "replies_match_requests": checks.check_replies(traffic.messages, results),
            "report_equals_ledger": checks.check_report_sums(results),
        }
        if self.info.fake_providers_url:
            faked = {name for name in ("gemini", "anthropic") if getattr(self.info.stand_in, name)}
            journal = fake_providers.fetch_journal(self.info.fake_providers_url)
            by_name["requests_equal_attempts"] = checks.check_requests(journal, results, faked)
            if self.gemini_out_since:
                by_name["gemini_left_alone_after_quota"] = checks.check_gemini_left_alone(
                    journal, self.gemini_out_since
                )
                by_name["answered_all_the_same"] = checks.check_answered_after_quota(traffic.messages)
            if "anthropic" in faked:
                batches = fake_providers.fetch_batches(self.info.fake_providers_url)
                by_name["one_batch_at_half_the_price"] = checks.check_lane(batches, traffic.messages, results)
                by_name["thinking_is_asked_once_more"] = checks.check_thinking(traffic.messages)
            if self.regain:
                by_name["account_left_alone_until_served"] = checks.check_account_left_alone(
                    traffic.messages, journal, self.regain.timestamp()
                )
        return by_name


def main() -> int:
    """Run the demo and return its exit code: 1 if a check fails."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print result.json at the end instead of tables")
    parser.add_argument(
        "--folder", type=Path, default=_FOLDER, help="folder for results and logs (default: build/demo)"
    )
    parser.add_argument("--keep", action="store_true", help="leave the stack up, as `pointsman up` does")
    options = parser.parse_args()
    as_json, folder = options.json, options.folder.resolve()
    console = Console(stderr=as_json)
    for name in _RESULT_FILES:
        (folder / name).unlink(missing_ok=True)
    try:
        with _stack(
            folder, keep=options.keep, report=lambda line: console.print(line, highlight=False, markup=False)
        ) as info:
            demo = _Demo(info, console)
            result = demo.run()
    except KeyboardInterrupt:
        after = "stop the local stack with `pointsman down`" if options.keep else "the local stack is down"
        output.print_note(f"demo: interrupted; {after}")
        return Exit.INTERRUPTED
    except Exception as error:  # noqa: BLE001  (a user gets one line, never a traceback)
        output.print_note(f"demo: {explain_error(error)}")
        return Exit.FAILED
    _write(result, demo.page, folder)
    if as_json:
        output.print_document(result)
    else:
        _print(result, STATE_DIR if options.keep else folder, folder)
        print(_LOOK_AT_IT if options.keep else _TRY_IT)
    return Exit.OK if all(check["passed"] for check in result["checks"].values()) else Exit.FAILED


@contextmanager
def _stack(folder: Path, *, keep: bool, report: Callable[[str], None]) -> Iterator[devstack.StackInfo]:
    """Yield the demo's own stack, which ends with it; with `keep` it is the one of `pointsman up` and stays.

    Raises:
        CommandError: There is one already, whose tasks the demo's checks would count.
    """
    parameters = {"ReplyQueueArns": _REPLY_QUEUE_ARN, "EconomyLane": "true"}
    # Stand-ins beside a real provider too: the demo's output says which answers are whose.
    if not keep:
        with devstack.local_stack(folder, parameters=parameters, stand_in=True, report=report) as info:
            yield info
        return
    if devstack.StackInfo.load(STATE_DIR):
        raise CommandError("there is a local stack already: stop it with `pointsman down`, or leave out KEEP=1")
    folder.mkdir(parents=True, exist_ok=True)
    yield devstack.start_stack(STATE_DIR, parameters=parameters, stand_in=True, report=report)


def _write(result: dict[str, Any], page: str, folder: Path) -> None:
    (folder / "report.html").write_text(page, encoding="utf-8")
    (folder / "report.txt").write_text(result["report_text"], encoding="utf-8")
    (folder / "report.json").write_text(_dumped(result["report"]), encoding="utf-8")
    (folder / "result.json").write_text(_dumped(result), encoding="utf-8")


def _print(result: dict[str, Any], logs: Path, folder: Path) -> None:
    print("\nRESULTS")
    show.print_tasks(result["tasks"])
    print("\nANSWERS")
    show.print_answers(result["tasks"])
    print("\nDEAD LETTERS")
    show.print_dead_letters(result["tasks"], result["dead_letters"])
    print(f"\nDAILY REPORT\n{result['report_text'].rstrip()}")
    print("\nCHECKS")
    show.print_checks(result["checks"])
    if result["stand_in"]:
        print("\nA stand-in answered for each provider without a key: those answers do not come from real models.")
    print("\nFILES")
    places = [
        ("results", folder, "result.json"),
        ("report", folder, "report.html, report.json, report.txt"),
        ("logs", logs, "ministack.log, standin.log, deploy.log"),
    ]
    output.print_pairs((name, f"{_shown(path)}/{files}") for name, path, files in places)


def _shown(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def _dumped(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
