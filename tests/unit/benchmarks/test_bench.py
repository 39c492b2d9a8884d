"""The pure parts of the benchmarks, and what they state about the project."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from benchmarks import page, report
from benchmarks.__main__ import SECONDS, time_left
from benchmarks.figure import Figure, compared, p95
from benchmarks.pictures import bars
from benchmarks.places import LAYERS, TIER_MODELS
from tests.support.cloudformation import load
from tests.support.paths import ROOT

AT = datetime(2026, 11, 23, 4, 5, tzinfo=UTC)


def test_p95_is_a_sample_that_19_of_20_do_not_exceed() -> None:
    assert p95(range(1, 21)) == 19
    assert p95(range(1, 101)) == 95
    assert p95([3.0]) == 3.0


def test_a_figure_is_the_median_beside_its_peers() -> None:
    figure = compared("cold_init.router", [30.0, 10.0, 20.0], "LiteLLM", [200.0, 100.0, 300.0], target=0.18)
    document = figure.as_dict()
    assert {key: document[key] for key in ("value", "unit", "peer", "peer_value", "ratio", "n")} == {
        "value": 20.0,
        "unit": "ms",
        "peer": "LiteLLM",
        "peer_value": 200.0,
        "ratio": 0.1,
        "n": 3,
    }
    assert figure.meets


@pytest.mark.parametrize(
    ("target", "judged", "meets"),
    [(None, "ratio", None), (0.5, "ratio", True), (0.4, "ratio", False), (4.0, "value", False), (5.0, "value", True)],
)
def test_a_target_is_about_the_ratio_or_the_value(target: float | None, judged: str, meets: bool | None) -> None:
    assert Figure("a", 5.0, "ms", "b", 10.0, 3, target=target, judged=judged).meets is meets


def test_a_peer_of_zero_has_no_ratio_and_meets_none() -> None:
    figure = Figure("failover.futile_calls", 0.0, "calls", "LiteLLM", 0.0, 3, target=0.0)
    assert figure.ratio is None
    assert figure.meets is False


def test_the_page_keeps_what_is_around_the_markers_and_names_what_failed() -> None:
    figure = Figure("size.router", 65.0, "MB", "LiteLLM", 260.0, 1, target=80.0, judged="value")
    written = page.between_markers(
        f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n", page.body([figure], ["scale"], AT)
    )
    assert written.startswith("before\n")
    assert written.endswith(f"{page.END}\nafter\n")
    assert "old" not in written
    assert "2026-11-23, 04:05 UTC" in written
    assert "Failed, and not below: scale." in written
    assert "| `size.router` | 65.00 MB |  |  | 1 | LiteLLM | 260 |  | 0.25 | met: at most 80 MB |" in written
    with pytest.raises(ValueError, match="markers"):
        page.between_markers("a page", "")


def test_page_lists_missed_targets_with_what_limits_them() -> None:
    small = Figure("size.router", 59.0, "MB", "LiteLLM", 260.0, 1, target=60.0, judged="value")
    large = replace(small, value=65.0)
    assert page.missed([small]) == "All 1 targets are met."
    assert page.missed([large, small]).startswith(
        "### Missed targets, of 2\n\n- `size.router` (65.00 MB, at most 60 MB): "
    )
    assert page.LIMITS["size"] in page.body([large], [], AT)
    slow = Figure("cold_init.router", 50.0, "ms", "the plain artifact", 100.0, 9, target=0.32)
    assert "`cold_init.router` (0.50 of the plain artifact, at most 0.32)" in page.missed([slow])
    least = replace(slow, name="cold_init.router.least", value=39.0, target=None)
    by_peer = replace(slow, name="cold_init.router.litellm", peer_value=300.0, target=0.13)
    told = page.missed([slow, by_peer, least])
    assert "at most 0.32, 0.39 without any code of ours)" in told
    assert "at most 0.13, 0.13 without any code of ours)" in told


def test_each_benchmark_has_a_part_of_the_page() -> None:
    assert {*SECONDS} <= {*page.FAMILIES}
    assert {*page.LIMITS} <= {*page.FAMILIES}


def test_run_of_all_takes_at_most_twelve_minutes() -> None:
    assert sum(SECONDS.values()) <= 720
    assert time_left(["list", "size"]) == "about 1 min"


def test_the_page_has_its_markers() -> None:
    assert page.between_markers(page.PAGE.read_text(), "new") != ""


def test_a_picture_has_both_bars_of_each_figure_and_escapes_their_words() -> None:
    drawn = bars("a < b", [Figure("one", 1.0, "ms", "<peer>", 4.0, 3), Figure("two", 2.0, "ms", "peer", 0.0, 3)])
    assert drawn.count("<rect") == 1 + 4
    assert "a &lt; b" in drawn
    assert "&lt;peer&gt;" in drawn


def test_benchmark_constants_match_template_and_configuration() -> None:
    template = load()
    common = [layer["Ref"] for layer in template["Globals"]["Function"]["Layers"]]
    for name, layers in LAYERS.items():
        resource = "".join(part.title() for part in name.split("_")) + "Function"
        recorded = template["Resources"][resource]["Properties"].get("Layers", [])
        assert list(layers) == common + [layer["Ref"] for layer in recorded]
    reporting = template["Resources"]["CostReportFunction"]["Properties"]
    memory = reporting.get("MemorySize", template["Globals"]["Function"]["MemorySize"])
    assert (reporting["Timeout"], memory) == (report.LIMIT_SECONDS, report.LIMIT_MEGABYTES)
    assert json.loads((ROOT / "openclaw.json").read_text())["routing"] == TIER_MODELS
