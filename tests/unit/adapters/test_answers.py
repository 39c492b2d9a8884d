"""What is kept of a provider's error for people."""

import httpx2

from pointsman.adapters.answers import refused
from pointsman.adapters.error_response import ErrorResponse
from pointsman.execution.outcome import Outcome
from pointsman.execution.refusals import ProviderError, Refusal


def test_kind_of_an_error_is_cut_at_forty_characters() -> None:
    response, kind = ErrorResponse(400, httpx2.Headers(), b""), "k" * 39 + "yz"
    result = refused(response, ProviderError(kind, "secret"), Refusal(Outcome.INVALID), None, None)
    assert result.detail == f"400 {kind[:-1]}"
