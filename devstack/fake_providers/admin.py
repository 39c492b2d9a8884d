"""Anthropic's Usage and Cost Admin API, with its pitfalls: pages, cents as text, late buckets, rate limits."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from devstack.fake_providers.batches import BatchApi
from devstack.fake_providers.bill import Amount, BillSettings, MeteredCall, bill_of
from devstack.fake_providers.claude import AnthropicWire
from devstack.fake_providers.endpoint import ServerState
from devstack.fake_providers.wire import ErrorFields, Reply, encode_json

_ADMIN_KEY = "sk-ant-admin"
_BUCKETS, _MOST_BUCKETS = 7, 31
_TOKEN_TYPES = {
    "input": "uncached_input_tokens",
    "cache_read": "cache_read_input_tokens",
    "cache_write_5m": "cache_creation.ephemeral_5m_input_tokens",
    "cache_write_1h": "cache_creation.ephemeral_1h_input_tokens",
    "output": "output_tokens",
}
_USAGE_GROUPS = ("model", "workspace_id", "api_key_id", "service_tier", "inference_geo")
_COST_GROUPS = ("workspace_id", "description")
_PRICED_TIERS = ("standard", "batch")
"""Tiers that the cost report has; priority is billed otherwise."""
_JSON = {"content-type": "application/json"}


class BillApi:
    """The two reports of the organization that the stand-in's calls belong to."""

    def __init__(self, state: ServerState, batches: BatchApi) -> None:
        self._state, self._batches, self._wire = state, batches, AnthropicWire()
        self.clear()

    def clear(self) -> None:
        """Forget settings and requests."""
        self._settings, self._calls = BillSettings(), list[dict[str, Any]]()

    def configure(self, settings: BillSettings) -> None:
        """Change how the reports look."""
        changes = {name: getattr(settings, name) for name in settings.model_fields_set}
        self._settings = self._settings.model_copy(update=changes)

    def describe(self) -> dict[str, Any]:
        """Return the settings, and every request that arrived."""
        return {"settings": self._settings.model_dump(mode="json"), "calls": self._calls}

    def routes(self, path: str) -> list[Route]:
        """Return the routes below a path."""
        return [Route(f"{path}/usage_report/messages", self._usage), Route(f"{path}/cost_report", self._costs)]

    async def _usage(self, request: Request) -> Response:
        return self._respond(request, _USAGE_GROUPS)

    async def _costs(self, request: Request) -> Response:
        return self._respond(request, _COST_GROUPS)

    def _respond(self, request: Request, known_groups: tuple[str, ...]) -> Response:
        reply = self._refusal(request) or self._report(request, known_groups)
        self._calls.append({"path": request.url.path, "query": request.url.query, "status": reply.status})
        response = Response(reply.body, reply.status)
        response.raw_headers = reply.header_lines
        return response

    def _refusal(self, request: Request) -> Reply | None:
        if not request.headers.get("x-api-key", "").startswith(_ADMIN_KEY):
            return self._wire.error(401, uuid4().hex, model="")
        if self._settings.refuse_next:
            self._settings.refuse_next -= 1
            seconds = self._settings.retry_after
            fields = ErrorFields(headers={"retry-after": str(seconds)}, retry_after=seconds)
            return self._wire.error(429, uuid4().hex, model="", fields=fields)
        return None

    def _report(self, request: Request, known_groups: tuple[str, ...]) -> Reply:
        query = request.query_params
        groups, limit = query.getlist("group_by[]"), int(query.get("limit", _BUCKETS))
        unknown = [name for name in groups if name not in known_groups]
        if unknown or not 1 <= limit <= _MOST_BUCKETS or query.get("bucket_width", "1d") != "1d":
            message = f"group_by: {unknown}" if unknown else "limit or bucket_width is not supported"
            return self._wire.error(400, uuid4().hex, model="", fields=ErrorFields(message))
        first = _day(query["starting_at"])
        today = datetime.now(UTC).date()
        last = min(_day(query["ending_at"]) - timedelta(days=1), today) if "ending_at" in query else today
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        of_usage = known_groups is _USAGE_GROUPS
        if of_usage:
            days = [day for day in days if day not in self._settings.late_usage]
        start = int(query.get("page", "page_0").removeprefix("page_"))
        end = start + min(limit, self._settings.most_buckets)
        bill = bill_of(self._state.journal.entries(), self._batches.describe()["batches"], self._settings)
        rows = self._usage_rows if of_usage else self._cost_rows
        document = {
            "data": [_bucket(day, rows(_on(day, bill), groups)) for day in days[start:end]],
            "has_more": end < len(days),
            "next_page": f"page_{end}" if end < len(days) else None,
        }
        return Reply(200, encode_json(document), _JSON)

    def _usage_rows(self, bill: dict[MeteredCall, Amount], groups: list[str]) -> list[dict[str, Any]]:
        sums: defaultdict[tuple[Any, ...], dict[str, int]] = defaultdict(lambda: dict.fromkeys(_TOKEN_TYPES, 0))
        for metered, amount in bill.items():
            if metered.kind:
                sums[tuple(getattr(metered, name) for name in groups)][metered.kind] += amount.tokens
        return [
            {
                **dict.fromkeys((*_USAGE_GROUPS, "context_window")),
                **dict(zip(groups, group, strict=True)),
                "uncached_input_tokens": tokens["input"],
                "cache_read_input_tokens": tokens["cache_read"],
                "cache_creation": {
                    "ephemeral_5m_input_tokens": tokens["cache_write_5m"],
                    "ephemeral_1h_input_tokens": tokens["cache_write_1h"],
                },
                "output_tokens": tokens["output"],
                "server_tool_use": {"web_search_requests": 0},
            }
            for group, tokens in sums.items()
        ]

    def _cost_rows(self, bill: dict[MeteredCall, Amount], groups: list[str]) -> list[dict[str, Any]]:
        """Return a day's amounts: by neither API key nor geography."""
        sums: defaultdict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
        for metered, amount in bill.items():
            if metered.service_tier in _PRICED_TIERS and metered.day not in self._settings.late_costs:
                described = (metered.model, metered.service_tier, metered.kind, metered.cost_type)
                workspace = metered.workspace_id if "workspace_id" in groups else None
                sums[(workspace, *(described if "description" in groups else (None,) * 4))] += amount.cents
        place = Decimal(1).scaleb(-self._settings.decimals)
        return [
            {
                "amount": str(cents.quantize(place)),
                "currency": "USD",
                "cost_type": cost_type,
                "description": f"{model}, {tier}, {kind}" if kind else cost_type,
                "model": model,
                "service_tier": tier if kind else None,
                "token_type": _TOKEN_TYPES.get(kind or ""),
                "context_window": "0-200k" if kind else None,
                "workspace_id": workspace,
                "inference_geo": None,
            }
            for (workspace, model, tier, kind, cost_type), cents in sums.items()
        ]


def _on(day: date, bill: dict[MeteredCall, Amount]) -> dict[MeteredCall, Amount]:
    return {metered: amount for metered, amount in bill.items() if metered.day == day}


def _bucket(day: date, results: Iterable[dict[str, Any]]) -> dict[str, Any]:
    start, end = (f"{at.isoformat()}T00:00:00Z" for at in (day, day + timedelta(days=1)))
    return {"starting_at": start, "ending_at": end, "results": list(results)}


def _day(text: str) -> date:
    return datetime.fromisoformat(text).astimezone(UTC).date()
