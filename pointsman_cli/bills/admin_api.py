"""Anthropic's Admin API, read only: pages of daily buckets, asked again where it says so."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from typing import Any, Self

import httpx2

from pointsman.adapters.models_tls import models_tls
from pointsman_cli.errors import CommandError

ANTHROPIC_API = "https://api.anthropic.com"
_VERSION = "2023-06-01"
_TIMEOUT_SECONDS = 60
_MOST_TRIES = 6
"""Of one page."""
_LONGEST_WAIT = 120.0
"""Seconds. The API may be polled once a minute."""
_MOST_BUCKETS = 31
"""Days that one page has at most."""
_REFUSALS = {
    401: "the key is not accepted: give an Admin API key (sk-ant-admin…), which an organization's admins create",
    403: "the key may not read usage and cost: give an Admin API key (sk-ant-admin…)",
    404: "it is not there: individual accounts, and Claude on AWS, have no Usage and Cost API",
}


class AdminApi:
    """Reads the two reports of an organization."""

    def __init__(self, key: str, base_url: str = ANTHROPIC_API, *, sleep: Callable[[float], None] = time.sleep) -> None:
        headers = {"x-api-key": key, "anthropic-version": _VERSION}
        self._client = httpx2.Client(base_url=base_url, headers=headers, timeout=_TIMEOUT_SECONDS, verify=models_tls())
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def usage(self, days: tuple[date, ...], group_by: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        """Yield the buckets of tokens of all days that the report has."""
        return self._buckets("/v1/organizations/usage_report/messages", days, group_by)

    def costs(self, days: tuple[date, ...], group_by: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        """Yield the buckets of amounts of all days that the report has."""
        return self._buckets("/v1/organizations/cost_report", days, group_by)

    def _buckets(self, path: str, days: tuple[date, ...], group_by: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        parameters = [
            ("starting_at", _start(days[0])),
            ("ending_at", _start(days[-1] + timedelta(days=1))),
            ("bucket_width", "1d"),
            ("limit", str(_MOST_BUCKETS)),
            *(("group_by[]", name) for name in group_by),
        ]
        seen: set[str] = set()
        page: str | None = None
        while True:
            document = self._page(path, [*parameters, *([("page", page)] if page else [])])
            yield from document["data"]
            page = document.get("next_page")
            if not document.get("has_more") or not page:
                return
            if page in seen:
                raise CommandError(f"Anthropic's Admin API: {path} names the same page twice")
            seen.add(page)

    def _page(self, path: str, parameters: list[tuple[str, str]]) -> dict[str, Any]:
        for attempt in range(_MOST_TRIES):
            response, problem = self._ask(path, parameters)
            if response is not None and response.is_success:
                return _document(response, path)
            if attempt + 1 < _MOST_TRIES:
                self._sleep(_wait(response, attempt))
        raise CommandError(f"Anthropic's Admin API: {problem} from {path}, {_MOST_TRIES} times: try again later")

    def _ask(self, path: str, parameters: list[tuple[str, str]]) -> tuple[httpx2.Response | None, str]:
        """Return the response, None if there is none, and what is wrong with it.

        Raises:
            CommandError: It is refused for good.
        """
        try:
            response = self._client.get(path, params=httpx2.QueryParams(tuple(parameters)))
        except httpx2.TransportError as error:
            return None, type(error).__name__
        status = response.status_code
        if not response.is_success and status not in (408, 409, 429) and status < 500:
            raise CommandError(f"Anthropic's Admin API: {_REFUSALS.get(status, f'{status} from {path}')}")
        return response, str(status)


def _start(day: date) -> str:
    return f"{datetime.combine(day, clock_time(), UTC):%Y-%m-%dT%H:%M:%SZ}"


def _document(response: httpx2.Response, path: str) -> dict[str, Any]:
    try:
        document = response.json()
    except ValueError:
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("data"), list):
        raise CommandError(f"Anthropic's Admin API: {path} did not answer with a report")
    return document


def _wait(response: httpx2.Response | None, attempt: int) -> float:
    """Return the seconds until the next try: as the API asks, else twice as long each time."""
    asked = response.headers.get("retry-after", "") if response is not None else ""
    seconds = float(asked) if asked.replace(".", "", 1).isdigit() else 2.0**attempt
    return min(seconds, _LONGEST_WAIT)
