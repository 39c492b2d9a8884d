"""A sample judged by both providers' SDKs: stand-ins answer, the books agree, and the page has the figures."""

from pointsman.entrypoints.cost_report import build_reporting
from pointsman.execution.comparison import PairKind
from pointsman.report.render.html import render_html
from pointsman.values.times import local_day
from tests.support.product import Product

JUDGES = ["claude-haiku-5-5", "gemini-3.5-flash-lite"]


def test_audited_tasks_are_judged_by_both_providers_and_stand_on_the_page(product: Product) -> None:
    options = {"audit": {"share": 1}, "quality": {"judges": JUDGES, "controls": 1}}
    player = product.configured(**options)
    for number in range(2):
        task = {"prompt": f"Write function number {number} with a docstring.", "tier": "implementation"}
        ended = product.end(player, product.send(player, **task))
        assert ended.asked[2:] == [JUDGES[0]] * 2 + [JUDGES[1]] * 2 + JUDGES
    now = player.clock.now()
    pairs = list(player.app.runtime.stores.quality.pairs([f"{now:%Y-%m}"]))
    assert len(pairs) == 2
    for judged in pairs:
        of_pair = sorted((word.family, word.order) for word in judged.words if word.kind is PairKind.PAIR)
        assert of_pair == [("anthropic", 1), ("anthropic", 2), ("gemini", 1), ("gemini", 2)]
        assert len(judged.words) == 6
    reporting = player.app.runtime.part(build_reporting)
    report = reporting.build(local_day(now, reporting.ctx.zone))
    assert report.quality is not None
    assert report.quality.total is not None
    assert report.quality.total.pairs == 2
    assert report.quality.total.agreement.percent == 100.0  # the stand-ins judge by one rule
    assert {judge.model for judge in report.quality.judges} == set(JUDGES)
    assert 'id="quality"' in render_html(report)
