"""The front door: a task from a request in OpenAI's or Anthropic's form, put on the queue and waited for as any client
does it.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import unquote
from uuid import uuid4

from pointsman.chat_api import chat_response, web_pages
from pointsman.chat_api.authenticator import ApiKeyAuthenticator
from pointsman.chat_api.forms import CHAT, FORMS, ApiForm, form_of
from pointsman.chat_api.repeats import Repeats
from pointsman.chat_api.request_fields import TIER_MODELS, Asked, ChatError, ModelNames
from pointsman.client import Client, InvalidTaskError, NotEndedError, Progress, Result, Sent
from pointsman.client.message import body_of, id_from, task_fields
from pointsman.contracts.api_key import ApiKey
from pointsman.contracts.message_validation import validate_message
from pointsman.contracts.task import ID_PATTERN
from pointsman.execution.records import TaskRecord
from pointsman.ports import Clock
from pointsman.routing.limit_rules import Spender
from pointsman.services.context import Log
from pointsman.services.door_limits import DoorLimits
from pointsman.values import strict_json
from pointsman.values.errors import safe_message
from pointsman.values.limits import LARGEST_BODY
from pointsman.values.log_events import LogEvent
from pointsman.values.status import Status

LONGEST_WAIT = 60.0
"""Seconds after which a request is answered by its task's id."""
_RETRY_AFTER = 1
"""Seconds until a client is to ask again for a task that has not ended: the next wait is as long as this one."""
_LONGEST_WARNING = 1_000
"""Characters of a header that names ignored fields."""
_NOT_SENT = "the tables cannot be read: nothing was sent, send the request again"
_TASKS, _MODELS = "/v1/tasks/", "/v1/models/"
_ROUTES = (*(f"POST {path}" for path in FORMS), "GET /v1/models", f"GET {_MODELS}ID", f"GET {_TASKS}ID")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request, its headers' names in lower case."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def patience(self) -> float | None:
        """How long its client reads before it hangs up, in seconds, where it says so (`openai/_base_client.py`)."""
        return _seconds(self.headers.get("x-stainless-read-timeout") or self.headers.get("x-stainless-timeout"))

    @property
    def longest_wait(self) -> float | None:
        """How long it asks to wait, in seconds (`Prefer: wait=10`)."""
        match = re.search(r"(?:^|[\s,;])wait=(\d{1,9})", self.headers.get("prefer", "").lower(), re.ASCII)
        return float(match[1]) if match else None

    @property
    def is_retry(self) -> bool:
        """Whether its client says that it was sent before."""
        return bool(_seconds(self.headers.get("x-stainless-retry-count")))

    @property
    def prefers_to_poll(self) -> bool:
        """Whether it asks for 202 in place of an error (RFC 7240)."""
        return "respond-async" in re.split(r"[\s,;]+", self.headers.get("prefer", "").lower())


def _seconds(text: str | None) -> float | None:
    return float(text) if text and re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text, re.ASCII) else None


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response."""

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChatApi:
    """The use case of the front door's function."""

    keeper: ApiKeyAuthenticator
    client: Client
    clock: Clock
    log: Log
    repeats: Repeats
    limits: DoorLimits
    models: ModelNames = field(default_factory=lambda: dict(TIER_MODELS))
    longest_wait: float = LONGEST_WAIT
    origins: frozenset[str] = frozenset()
    """Of web pages that may call."""

    def __call__(self, request: HttpRequest, seconds: float) -> HttpResponse:
        """Return the response, within `seconds`."""
        page = web_pages.allowed(request.headers, self.origins)
        if request.method == "OPTIONS" and page:
            return HttpResponse(204, "", page | web_pages.preflight(request.headers))
        path = request.path.rstrip("/")
        form = form_of(path, request.headers)
        try:
            response = self._answer(request, path, form, min(seconds, self.longest_wait))
        except ChatError as error:
            response = _refusal(error, form)
        return HttpResponse(response.status, response.body, response.headers | page) if page else response

    def _answer(self, request: HttpRequest, path: str, form: ApiForm, seconds: float) -> HttpResponse:
        key = self.keeper.admit(request.headers.get("authorization", "")) or self.keeper.admit(
            f"Bearer {request.headers.get('x-api-key', '')}"
        )
        if key is None:
            words = "Authorization: must be Bearer and a key of this door, or x-api-key such a key"
            raise ChatError(401, words, code="invalid_api_key")
        match request.method, path:
            case "POST", path if path in FORMS:
                return self._complete(request, form, key, seconds)
            case "GET", "/v1/models":
                return _json(200, chat_response.model_list(self.models))
            case "GET", path if path.startswith(_MODELS):
                return _json(200, chat_response.model(unquote(path.removeprefix(_MODELS)), self.models))
            case "GET", path if path.startswith(_TASKS):
                return self._fetch(path.removeprefix(_TASKS), key)
        raise ChatError(404, f"there is no such method and path; there are {', '.join(_ROUTES)}", code="not_found")

    def _complete(self, request: HttpRequest, form: ApiForm, key: ApiKey, seconds: float) -> HttpResponse:
        asked = form.read(request.body, self.models)
        response = self._waited_for(asked, request, form, key, seconds)
        warning = {"x-pointsman-warning": f"ignored: {', '.join(asked.unknown)}"[:_LONGEST_WARNING]}
        return replace(response, headers=response.headers | warning) if asked.unknown else response

    def _waited_for(
        self, asked: Asked, request: HttpRequest, form: ApiForm, key: ApiKey, seconds: float
    ) -> HttpResponse:
        sent = self._send(asked, key, request)
        self.log(LogEvent.TASK_ACCEPTED, task_id=sent.task_id, key=key.name)
        progress = Progress(sent.task_id, "queued")

        def keep(news: Progress) -> None:
            nonlocal progress
            progress = news

        if request.longest_wait is not None:
            seconds = min(seconds, request.longest_wait)
        if request.patience is not None:  # who hangs up gets nothing; who is told to ask again does
            seconds = max(min(seconds, request.patience - 1), 0)
        try:
            result = next(self.client.results([sent], timeout=seconds, on_progress=keep))
        except NotEndedError:
            return _under_way(progress, polls=request.prefers_to_poll)
        except Exception as trouble:  # noqa: BLE001  (it is sent: who asks again asks for this task)
            self.log(LogEvent.RESULT_NOT_AWAITED, level="warning", task_id=sent.task_id, why=safe_message(trouble))
            return _under_way(progress, polls=request.prefers_to_poll)
        return self._ended(result, sent.task_id, form, asked)

    def _send(self, asked: Asked, key: ApiKey, request: HttpRequest) -> Sent:
        """Return the task that a request is, sent unless it has begun."""
        own = request.headers.get("idempotency-key")
        try:
            body = _message(asked, key, key.task_id(id_from(own) if own else str(uuid4())))
            if own:
                if self.client.is_taken(body):
                    words = "Idempotency-Key: stands for another request: send this one with a key of its own"
                    raise ChatError(409, words, code="idempotency_conflict", param="Idempotency-Key")
                self._hold_to_limits(asked, key, key.task_id(id_from(own)))
                return self.client.send(body, sender=key.stated_sender)
            task = validate_message(body).task
            if task is None:
                return self.client.send(body)  # which says why not
            task_id, record = self._task_of(key, task.fingerprint(), request)
            if record is not None:
                return Sent(task_id, task_id, record.fingerprint)
            self._hold_to_limits(asked, key, task_id)
            return self.client.send(_message(asked, key, task_id), sender=key.stated_sender)
        except InvalidTaskError as error:
            raise ChatError(400, str(error), code="invalid_value") from None

    def _hold_to_limits(self, asked: Asked, key: ApiKey, task_id: str) -> None:
        """Raise a ChatError for a tier above the key's highest, or when no more of its tasks may begin now."""
        spender = Spender(key.sender, _metadata(asked, key), key.limited)
        try:
            bound, wait = self.limits.bound(spender, asked.tier), None
            if bound is None and (wait := self.limits.wait(spender, task_id)):
                wait = wait if self.client.read(task_id) is None else None
        except Exception as trouble:  # noqa: BLE001  (nothing is sent: the limit could be passed)
            self.log(LogEvent.LIMITS_NOT_READ, level="warning", task_id=task_id, why=safe_message(trouble))
            raise ChatError(503, _NOT_SENT, code="unavailable", type="server_error") from None
        if bound:
            words = f"model: must not be above pointsman/{bound[0]}, the highest tier of this {bound[1].kind}"
            raise ChatError(403, words, code="tier_not_allowed", param="model", type="permission_error")
        if wait:
            words = "too many tasks a minute or in flight for this key: send the request again later"
            raise ChatError(429, words, code="rate_limit_exceeded", type="rate_limit_error", retry_after=wait)

    def _task_of(self, key: ApiKey, fingerprint: str, request: HttpRequest) -> tuple[str, TaskRecord | None]:
        try:
            return self.repeats.task_of(key, fingerprint, retry=request.is_retry)
        except Exception as trouble:  # noqa: BLE001  (nothing is sent: it could be a task that is paid already)
            self.log(LogEvent.REQUEST_NOT_FOUND, level="warning", why=safe_message(trouble))
            raise ChatError(503, _NOT_SENT, code="unavailable", type="server_error") from None

    def _fetch(self, task_id: str, key: ApiKey) -> HttpResponse:
        """Return how far a task has come that this key has sent."""
        if not re.fullmatch(ID_PATTERN, task_id) or not task_id.startswith(key.task_id("")):
            raise ChatError(404, "task_id: must be of a task that was sent by this key", code="task_not_found")
        record = self.client.read(task_id)
        try:
            result = self.client.result(task_id) if record else None
        except Exception as trouble:  # noqa: BLE001  (its text has expired, or the bucket is out of reach)
            self.log(LogEvent.RESULT_NOT_READABLE, level="warning", task_id=task_id, why=safe_message(trouble))
            raise ChatError(503, "its answer cannot be read", code="unreadable", type="server_error") from None
        if result:
            return self._ended(result, task_id, CHAT, None)
        return _under_way(Progress.of(task_id, record), polls=True)

    def _ended(self, result: Result, task_id: str, form: ApiForm, asked: Asked | None) -> HttpResponse:
        self.repeats.handed_out(task_id)
        if result.status is not Status.COMPLETED:
            raise chat_response.failure(task_id, result.status, result.reason)
        whole = form.completed(task_id, result, int(self.clock.now().timestamp()))
        if asked and asked.stream:
            headers = {"content-type": "text/event-stream", "x-pointsman-task-id": task_id}
            return HttpResponse(200, form.stream(whole, asked), headers)
        return _json(200, whole, task_id=task_id)


def _message(asked: Asked, key: ApiKey, task_id: str) -> str:
    body = body_of(
        task_fields(
            asked.prompt,
            {
                "task_id": task_id,
                "messages": asked.messages,
                "system": asked.system,
                "tier": asked.tier,
                "max_output_tokens": asked.max_output_tokens,
                "effort": asked.effort,
                "output_schema": asked.output_schema,
                "stop": asked.stop,
                "private": asked.private,
                "max_cost_usd": asked.max_cost_usd,
                "metadata": _metadata(asked, key),
            },
        )
    )
    if len(body.encode()) > LARGEST_BODY:
        words = f"messages: must fit into a message of {LARGEST_BODY} bytes, as SQS takes no more"
        raise ChatError(413, words, code="request_too_large", param="messages")
    return body


def _metadata(asked: Asked, key: ApiKey) -> dict[str, str]:
    return {"agent": key.agent, **asked.metadata}


def _under_way(progress: Progress, *, polls: bool) -> HttpResponse:
    """Return where a task is that has not ended: 202 for who polls, else an error that OpenAI's and Anthropic's SDKs
    answer by sending the request again, which waits on.
    """
    task_id, path = progress.task_id, f"{_TASKS}{progress.task_id}"
    if polls:
        where = {"location": path, "retry-after": "5"}
        return _json(202, {"task_id": task_id, "status": progress.state}, task_id=task_id, more=where)
    words = f"task {task_id} has not ended: send the same request again, which waits for it, or get {path}"
    raise ChatError(503, words, code="not_ended", type="server_error", task_id=task_id)


def _refusal(error: ChatError, form: ApiForm) -> HttpResponse:
    if error.code == "not_ended":
        more = {"location": f"{_TASKS}{error.task_id}", "retry-after": str(_RETRY_AFTER), "x-should-retry": "true"}
    elif error.retry_after:
        more = {"retry-after": str(math.ceil(error.retry_after)), "x-should-retry": "true"}
    else:  # who is told that a task failed would send another one by trying again
        more = {"x-should-retry": "false"} if error.task_id else {}
    return _json(error.status, form.error(error), task_id=error.task_id, more=more)


def _json(
    status: int, body: object, *, task_id: str | None = None, more: Mapping[str, str] | None = None
) -> HttpResponse:
    headers = {"content-type": "application/json", **({"x-pointsman-task-id": task_id} if task_id else {})}
    return HttpResponse(status, strict_json.dumps(body), {**headers, **(more or {})})
