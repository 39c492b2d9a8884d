"""docs/performance.md: table and pictures between its markers, from one run."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from benchmarks.figure import Figure
from benchmarks.pictures import bars
from benchmarks.places import PAGE, PICTURES

BEGIN, END = "<!-- figures: made by `make bench` -->", "<!-- end of figures -->"
FAMILIES = {
    "cold_init": "INIT under Lambda's Runtime Interface Emulator",
    "cold_to_done": "From invocation to answer, cold, with a model of 500 ms",
    "warm_overhead": "Own time around one model call, warm",
    "failover": "From a quota's 429 to the fallback's answer",
    "orchestration_p95": "From the queue to Task Completed",
    "model_check": "The model of docs/scale.md against the local stack",
    "router_batch": "AWS calls per routed task",
    "decision_p95": "The decision on one task, by the local classifier and by one request",
    "throughput": "Tasks per second through the functions",
    "contention": "Paid answers that were lost, of 1,000 at 50 a second, on simulated tables",
    "scale": "Own time per task by stored tasks",
    "sweep": "AWS calls of a sweep, and what they read, by stored tasks",
    "list": "`pointsman list` by stored tasks",
    "report": "The day's report by rows of the day",
    "size": "Unzipped size of a function and its layers",
}
"""What each first word of a name is about, in the page's order."""


LIMITS = {
    "cold_init": "the provider's SDK, botocore, pydantic and Powertools, which the function calls, take most of it; "
    "`python -X importtime` on the built artifact shows each",
    "warm_overhead": "what is left writes two transactions, reads three items, logs a line and tells the answer; no "
    "part stands out in the profile. LiteLLM's Router keeps no ledger, reserves no budget and tells nobody",
    "orchestration_p95": "INITs, first connections and the model's 0.5 s come one after the other, on processors that "
    "the emulator and the fake providers share",
    "router_batch": "what is left is claim, decision and start of each task, and for the batch one read, the request, "
    "its booking and the cache of votes",
    "size": "the router carries both provider SDKs, to ask whichever model it is told to; Lambda's limit is 250 MB",
    "scale": "the machine did something else meanwhile: an attempt reads by key, whatever is stored",
    "report": "reading is JSON that Python parses, a third of the time; the rest adds up each attempt once",
    "model_check": "the model has no processors, which functions, emulator and providers share here",
}
"""What holds a figure of each family back, where it misses its target."""


def line(figure: Figure) -> str:
    """Return a figure in one line."""
    ratio = "" if figure.ratio is None else f", ratio {figure.ratio:.3f}"
    tail = f" p95 {figure.p95:.2f}" if figure.p95 is not None else ""
    tail += f", wall {figure.wall:.2f}" if figure.wall is not None else ""
    judged = {True: ", meets", False: ", MISSES", None: ""}[figure.meets]
    return (
        f"{figure.name}: {figure.value:.2f} {figure.unit}{tail} (n={figure.n}); "
        f"{figure.peer}: {figure.peer_value:.2f}{ratio}{judged}"
    )


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a Markdown table."""
    rows = ["| figure | median | p95 | wall | n | against | its median | its wall | ratio | target |"]
    rows.append("|---|--:|--:|--:|--:|---|--:|--:|--:|---|")
    for one in figures:
        ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
        tail = "" if one.p95 is None else _number(one.p95)
        rows.append(
            f"| `{one.name}` | {_number(one.value)} {one.unit} | {tail} | {_optional(one.wall)} | {one.n} "
            f"| {one.peer} | "
            f"{_number(one.peer_value)} | {_optional(one.peer_wall)} | {ratio} | {_target(one)} |"
        )
    return "\n".join(rows)


def body(figures: Sequence[Figure], failed: Sequence[str], at: datetime, busy: Sequence[str] = ()) -> str:
    """Return all that stands between the markers."""
    parts = [
        f"`make bench` on {at:%Y-%m-%d}, {at:%H:%M} UTC; each row's two sides ran in turns in this run. "
        "Times are processor time, `wall` the same by the clock, unless a row says otherwise."
    ]
    if failed:
        parts.append(f"**Failed, and not below: {', '.join(failed)}.**")
    if busy:
        parts.append(
            f"**The machine was busy with something else: {'; '.join(busy)}.** Wall times of these are too high."
        )
    parts.append(missed(figures))
    for family, title in FAMILIES.items():
        if rows := of_family(figures, family):
            parts.append(f"### {title}\n\n![{title}](performance/{family}.svg)\n\n{table(rows)}")
    return "\n\n".join(parts)


def missed(figures: Sequence[Figure]) -> str:
    """Return which targets are missed, and what holds those figures back."""
    lines, values = [], {figure.name: figure.value for figure in figures}
    for family in FAMILIES:
        if misses := [figure for figure in of_family(figures, family) if figure.meets is False]:
            names = ", ".join(f"`{one.name}` ({_measured(one)}, {_most(one)}{_least(one, values)})" for one in misses)
            why = f": {LIMITS[family]}" if family in LIMITS else ""
            lines.append(f"- {names}{why}.")
    judged = sum(figure.meets is not None for figure in figures)
    if not lines:
        return f"All {judged} targets are met."
    return f"### Missed targets, of {judged}\n\n" + "\n".join(lines)


def _least(figure: Figure, values: Mapping[str, float]) -> str:
    """Return how much of the peer the function takes by its packages and clients alone, where that is measured."""
    least = values.get(f"{figure.name.removesuffix('.litellm')}.least")
    return f", {least / figure.peer_value:.2f} without any code of ours" if least else ""


def of_family(figures: Sequence[Figure], family: str) -> list[Figure]:
    """Return the figures of one benchmark."""
    return [figure for figure in figures if figure.name.split(".")[0] == family]


def between_markers(text: str, inner: str) -> str:
    """Return a page with what stands between the markers replaced.

    Raises:
        ValueError: a marker is missing.
    """
    head, _, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not end:
        raise ValueError("the page has no markers")
    return f"{head}{BEGIN}\n{inner}\n{END}{tail}"


def write(figures: Sequence[Figure], failed: Sequence[str], busy: Sequence[str] = ()) -> None:
    """Write table and pictures of a run."""
    PICTURES.mkdir(exist_ok=True)
    for family, title in FAMILIES.items():
        if rows := of_family(figures, family):
            (PICTURES / f"{family}.svg").write_text(bars(title, rows), encoding="utf-8")
    PAGE.write_text(between_markers(PAGE.read_text(), body(figures, failed, datetime.now(UTC), busy)), encoding="utf-8")


def _target(figure: Figure) -> str:
    if figure.target is None:
        return ""
    return f"{'met' if figure.meets else '**missed**'}: {_most(figure)}"


def _most(figure: Figure) -> str:
    unit = f" {figure.unit}" if figure.judged == "value" else ""
    return f"at most {figure.target:g}{unit}"


def _measured(figure: Figure) -> str:
    if figure.judged == "value":
        return f"{_number(figure.value)} {figure.unit}"
    return f"{_optional(figure.ratio)} of {figure.peer}"


def _optional(value: float | None) -> str:
    return "" if value is None else _number(value)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
