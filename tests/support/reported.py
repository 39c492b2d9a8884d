"""Responses of providers, and of what stands in front of them, from public bug reports."""

import json
from typing import Any

from tests.support.paths import ROOT


def reported_responses() -> dict[str, dict[str, Any]]:
    """Return the reports by the first source that they name: its repository and number."""
    lines = (ROOT / "tests/data/providers/responses.jsonl").read_text().splitlines()
    reports = [json.loads(line) for line in lines]
    return {" ".join(report["source"].replace(";", "").split(" ")[:2]): report for report in reports}
