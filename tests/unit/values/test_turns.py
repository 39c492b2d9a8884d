from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pointsman.values.turns import CONTINUING, OPENING, Role, Turn, alternating

TURNS = st.lists(st.builds(Turn, st.sampled_from(Role), st.sampled_from(["", " \n", "a", "User:\nb", "c\n\nd"])))


@given(TURNS)
def test_user_and_assistant_alternate_the_user_first_and_last(turns: list[Turn]) -> None:
    result = alternating(turns)
    assert result[0].role is result[-1].role is Role.USER
    assert all(turn.role is not after.role for turn, after in pairwise(result))
    assert all(turn.text.strip() for turn in result)


@given(TURNS)
def test_all_that_was_said_stays_its_speakers(turns: list[Turn]) -> None:
    result = alternating(turns)
    for role in Role:
        texts = [turn.text for turn in result if turn.role is role and turn.text not in (OPENING, CONTINUING)]
        assert "\n\n".join(texts) == "\n\n".join(turn.text for turn in turns if turn.role is role and turn.text.strip())


def test_what_alternates_is_left_as_it_is() -> None:
    turns = [Turn(Role.USER, "One?"), Turn(Role.ASSISTANT, "Two."), Turn(Role.USER, "Three?")]
    assert alternating(turns) == turns


def test_assistant_may_have_the_first_and_the_last_word() -> None:
    hello, bye = Turn(Role.ASSISTANT, "Hello"), Turn(Role.ASSISTANT, "Bye")
    user = Turn(Role.USER, "Well?")
    assert alternating([hello, user, bye]) == [Turn(Role.USER, OPENING), hello, user, bye, Turn(Role.USER, CONTINUING)]
