"""What is believed of a provider's usage, and what is kept of its error for people."""

import httpx2
import pytest

from pointsman.adapters.answers import counted, refused
from pointsman.adapters.error_response import ErrorResponse
from pointsman.execution.outcome import Outcome
from pointsman.execution.refusals import ProviderError, Refusal
from pointsman.values.usage import Usage


def test_kind_of_an_error_is_cut_at_forty_characters() -> None:
    response, kind = ErrorResponse(400, httpx2.Headers(), b""), "k" * 39 + "yz"
    result = refused(response, ProviderError(kind, "secret"), Refusal(Outcome.INVALID), None, None)
    assert result.detail == f"400 {kind[:-1]}"


@pytest.mark.parametrize(
    ("tokens", "believed"), [(0, True), (10**9 - 1, True), (10**9, False), (2.0, False), (True, False)]
)
@pytest.mark.parametrize("kind", Usage().as_dict())
def test_count_that_no_model_can_reach_or_that_is_no_whole_number_is_no_count(
    kind: str, tokens: int, believed: bool
) -> None:
    usage = Usage(**{kind: tokens})
    assert counted(usage) == (usage if believed else None)
