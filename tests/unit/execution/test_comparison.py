"""What judges are asked about an audited task: both orders, and controls of which it is known what is right."""

from pointsman.execution.comparison import PairKind, control_pair, planned_comparisons


def test_each_judge_sees_both_orders_and_a_share_of_the_tasks_a_control() -> None:
    plans = [planned_comparisons(("a", "b"), f"t-{number}.1", 0.25) for number in range(2_000)]
    assert all(plan[:4] == (("a", False, 1), ("a", False, 2), ("b", False, 1), ("b", False, 2)) for plan in plans)
    with_control = [plan for plan in plans if len(plan) == 6]
    assert 0.21 < len(with_control) / len(plans) < 0.29
    assert all([entry.judge for entry in plan[4:]] == ["a", "b"] for plan in with_control)
    assert 0.4 < sum(plan[4].order == 1 for plan in with_control) / len(with_control) < 0.6
    assert planned_comparisons((), "t-1.1", 1.0) == ()


def test_controls_are_the_answer_and_one_that_is_known_not_to_be_better() -> None:
    answer = "The deployment failed because the migration had locked the table for ten minutes."
    made = {control_pair(answer, f"t-{number}")[0]: control_pair(answer, f"t-{number}") for number in range(40)}
    assert set(made) == {PairKind.SAME, PairKind.SHUFFLED, PairKind.CUT}
    assert made[PairKind.SAME][1:] == (answer, answer)
    _, better, shuffled = made[PairKind.SHUFFLED]
    assert better == answer != shuffled
    assert sorted(shuffled.split()) == sorted(answer.split())
    assert made[PairKind.CUT][1:] == (answer, "The deployment failed because")
    assert {control_pair("Yes.", f"t-{number}")[0] for number in range(40)} == {PairKind.SAME}
