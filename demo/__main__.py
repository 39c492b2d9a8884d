"""Runs the demo: `python -m demo [--json]`."""

import argparse
import json
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

import devstack
from demo import checks, evidence, fake_providers, phases, progress, samples, show
from demo.traffic import Traffic
from devstack.toolchain import ROOT
from pointsman.report.render.html import render_html
from pointsman_cli import output
from pointsman_cli.errors import Exit
from pointsman_cli.main import explained
from pointsman_cli.stacks import LocalClients, of_local

FOLDER = ROOT / "build/demo"
RESULTS = ("result.json", "report.json", "report.txt", "report.html")
REPLY_ARN = f"arn:aws:sqs:us-east-1:000000000000:{phases.REPLY_QUEUE}"


@dataclass
class Demo:
    """One run."""

    info: devstack.StackInfo
    console: Console
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    gemini_out_since: float | None = None
    """Unix time from which the stand-in refused all Gemini requests."""
    page: str = ""
    """The day's page, once everything was sent: without links to other days, which are not here."""

    def run(self) -> dict[str, Any]:
        """Send everything, follow it to its end and return the document of result.json."""
        found = of_local(self.info)
        reply_url = LocalClients(self.info).client("sqs").create_queue(QueueName=phases.REPLY_QUEUE)["QueueUrl"]
        traffic = Traffic(found.app, [])
        self._play(traffic)
        traffic.await_deliveries()
        outcomes = [message.outcome for message in traffic.messages]
        wanted = len(checks.wanting_reply(traffic.messages))
        seen = evidence.gather(found, self.began, reply_url, rejected=outcomes.count("rejected"), replies=wanted)
        self.page = render_html(found.app.reporting.build(date.fromisoformat(seen.report["date"])), linked=False)
        return {
            "stand_in": self.info.stand_in.any,
            "seconds": round((datetime.now(UTC) - self.began).total_seconds(), 1),
            "tasks": [show.entry(found.app, message) for message in traffic.messages],
            "dead_letters": seen.dead_letters,
            "report": seen.report,
            "report_text": seen.report_text,
            "checks": self._checks(traffic, seen),
        }

    def _play(self, traffic: Traffic) -> None:
        can, cannot = phases.chosen(self.info.stand_in)
        if not self.info.stand_in.any:
            self.console.print("Real models answer, for about 15 cents; a log of 700 KB is among the messages.")
        everything = samples.load()
        for phase in cannot:
            self.console.print(f"Left out, since {phase.needs} really answers: {phase.name}", highlight=False)
        for phase in can:
            if phase.faults and self.info.fake_providers_url:
                fake_providers.play(self.info.fake_providers_url, phase.faults)
            if phase is phases.GEMINI_IS_OUT[0]:
                self.gemini_out_since = time.time()
            its_own = phases.of(phase, everything)
            with progress.shown(self.console, phase.name, len(its_own)) as tell:
                if not traffic.run(phase, its_own, tell):
                    self.console.print("  Given up waiting: see the checks", highlight=False)

    def _checks(self, traffic: Traffic, seen: evidence.Evidence) -> dict[str, checks.Check]:
        made = {
            "every_message_accounted_for": checks.accounted(traffic.messages),
            "dead_letters_match_rejections": checks.dead_letters(traffic.messages, seen),
            "everything_delivered": checks.delivered(traffic.messages),
            "replies_match_requests": checks.replies(traffic.messages, seen),
            "report_equals_ledger": checks.report_sums(seen),
        }
        if self.info.fake_providers_url:
            stood_in = {name for name in ("gemini", "anthropic") if getattr(self.info.stand_in, name)}
            journal = fake_providers.journal(self.info.fake_providers_url)
            made["requests_equal_attempts"] = checks.requests(journal, seen, stood_in)
            if self.gemini_out_since:
                made["gemini_left_alone_after_quota"] = checks.gemini_left_alone(journal, self.gemini_out_since)
                made["answered_all_the_same"] = checks.answered_after_quota(traffic.messages)
        return made


def main() -> int:
    """Run the demo and return its exit code: 1 if a check fails."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print result.json at the end instead of tables")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where results and logs go (default: build/demo)")
    options = parser.parse_args()
    as_json, folder = options.json, options.folder.resolve()
    console = Console(stderr=as_json)
    for name in RESULTS:
        (folder / name).unlink(missing_ok=True)
    try:
        with devstack.local_stack(
            folder,
            parameters={"ReplyQueueArns": REPLY_ARN},
            report=lambda line: console.print(line, highlight=False, markup=False),
        ) as info:
            demo = Demo(info, console)
            result = demo.run()
    except KeyboardInterrupt:
        output.note("demo: interrupted; the local stack is down")
        return Exit.INTERRUPTED
    except Exception as error:  # noqa: BLE001  (a user gets one line, never a traceback)
        output.note(f"demo: {explained(error)[0]}")
        return Exit.FAILED
    _write(result, demo.page, folder)
    if as_json:
        output.document(result)
    else:
        _print(result, folder)
    return Exit.OK if all(check["passed"] for check in result["checks"].values()) else Exit.FAILED


def _write(result: dict[str, Any], page: str, folder: Path) -> None:
    (folder / "report.html").write_text(page, encoding="utf-8")
    (folder / "report.txt").write_text(result["report_text"], encoding="utf-8")
    (folder / "report.json").write_text(_dumped(result["report"]), encoding="utf-8")
    (folder / "result.json").write_text(_dumped(result), encoding="utf-8")


def _print(result: dict[str, Any], folder: Path) -> None:
    print("\nWHAT BECAME OF EACH MESSAGE")
    show.tasks_table(result["tasks"])
    print("\nTHE DEAD-LETTER QUEUE")
    show.dead_letters_table(result["tasks"], result["dead_letters"])
    print(f"\nTHE DAY'S REPORT\n{result['report_text'].rstrip()}")
    print("\nCHECKS")
    show.checks_table(result["checks"])
    if result["stand_in"]:
        print("\nSTAND-INS ANSWERED for providers without a key: these are not the answers of real models.")
    print("\nWHERE TO LOOK FURTHER")
    shown = folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder
    places = [
        ("everything above", "result.json"),
        ("the report", "report.json, report.txt"),
        ("logs", "ministack.log, standin.log, deploy.log"),
    ]
    output.pairs((name, f"{shown}/{file}") for name, file in places)
    print('To try it yourself: pointsman up, then pointsman submit "..." --wait')
    print(f"The day's page: {shown}/report.html")


def _dumped(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
