"""The model of the whole system: nothing is lost in it, its limits hold, and the page says what it says."""

from dataclasses import replace

import pytest

from benchmarks.model import HourResult, Limits, StepTimes, System, burst
from benchmarks.model_check import predict
from benchmarks.simulation import Gate, Places, Process, Rate, Simulation
from benchmarks.volumes import PAGE, play, volume_lines, with_table
from pointsman.values.taxonomy import Tier

STILL = StepTimes(spread=0.0)


def test_places_are_taken_in_the_order_of_asking() -> None:
    simulation, places, ended = Simulation(), Places(2), list[tuple[int, float]]()

    def work(number: int) -> Process:
        yield places
        yield 10.0
        simulation.give_back(places)
        ended.append((number, simulation.now))

    for number in range(5):
        simulation.spawn(work(number), after=number)
    simulation.run()
    assert ended == [(0, 10.0), (1, 11.0), (2, 20.0), (3, 21.0), (4, 30.0)]
    assert (places.taken, places.most, places.busy) == (0, 2, 50.0)


def test_gate_lets_one_through_each_time() -> None:
    simulation, gate, passed = Simulation(), Gate(), list[float]()

    def wait() -> Process:
        yield gate
        passed.append(simulation.now)

    def open_at(when: float) -> Process:
        yield when
        simulation.open(gate)

    for _ in range(3):
        simulation.spawn(wait())
    for when in (1.0, 4.0):
        simulation.spawn(open_at(when))
    simulation.run()
    assert passed == [1.0, 4.0]
    assert len(gate.waiting) == 1


def test_rate_has_no_more_in_any_window() -> None:
    rate, now, taken = Rate(3, 10.0), 0.0, list[float]()
    for _ in range(10):
        now += rate.free_in(now)
        rate.take(now)
        taken.append(now)
        now += 0.5
    assert all(later - earlier >= 10.0 for earlier, later in zip(taken, taken[3:], strict=False))


def test_lone_cold_task_takes_the_sum_of_its_steps() -> None:
    result = System(Limits(), STILL).run(iter([(0.0, Tier.REASONING)]))
    t = STILL
    routed = t.receive + t.invoke + t.cold["router"] + t.read + t.write + t.start_execution
    attempt = 2 * t.transition + t.invoke + t.cold_claude + t.read + 2 * (t.budget_item + t.transaction)
    told = t.model[Tier.REASONING] + t.read + t.put_event
    assert result.started == [pytest.approx(routed)]
    assert result.seconds[Tier.REASONING] == [pytest.approx(routed + attempt + told)]
    assert (result.cold, result.batches, result.throttled) == (2, 1, 0)


@pytest.mark.parametrize(
    "limits",
    [Limits(account_concurrency=3), Limits(free_a_minute=2), Limits(paid_a_minute=60), Limits(starts_a_second=5)],
)
def test_burst_is_answered_to_the_last_task_whatever_is_short(limits: Limits) -> None:
    result = System(limits).run(burst(300))
    assert (len(result.started), len(result.all_seconds)) == (300, 300)
    assert result.most_at_once <= limits.account_concurrency
    assert max(result.started) >= 300 / limits.starts_a_second - 1
    paid = len(result.all_seconds) - limits.free_a_day * 0.1
    assert max(result.all_seconds) >= (paid / limits.paid_a_minute - 1) * 60


def test_more_routers_start_a_burst_sooner_and_by_as_many_batches() -> None:
    def routed(concurrency: int) -> HourResult:
        return System(Limits(router_concurrency=concurrency)).run(burst(1_000))

    two, ten = routed(2), routed(10)
    assert max(ten.started) < max(two.started) / 2
    assert two.batches == ten.batches == 100


def test_window_fills_batches_and_delays() -> None:
    arrivals = [(float(second), Tier.ORCHESTRATION) for second in range(60)]
    alone, together = (System(Limits(batch_seconds=seconds)).run(iter(arrivals)) for seconds in (0.0, 5.0))
    assert together.batches < alone.batches / 2
    assert sum(together.started) > sum(alone.started)


def test_page_has_what_the_model_says() -> None:
    assert volume_lines({25: play(25)})[2] in PAGE.read_text()


def test_model_of_a_stack_that_polls_adds_half_a_poll_at_the_median() -> None:
    still = replace(STILL, receive=0.0, budget_item=0.0, cold={"router": 0.0}, cold_claude=0.0)
    at_once, polled = (sorted(predict(replace(still, poll=poll), 60)) for poll in (0.0, 1.0))
    assert at_once[0] == pytest.approx(at_once[-1])
    assert 0.3 < polled[30] - at_once[30] < 0.7
    assert polled[-1] <= at_once[-1] + 1.05  # a second task of the batch waits for the first


def test_page_has_a_place_for_what_was_observed() -> None:
    assert "| median |" in with_table(PAGE.read_text(), "check", ["| median |"])
