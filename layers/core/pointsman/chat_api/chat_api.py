"""The front door: a task from a request in OpenAI's form, put on the queue and waited for as any client does it."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from pointsman.chat_api import chat_request, chat_response
from pointsman.chat_api.authenticator import ApiKeyAuthenticator
from pointsman.chat_api.chat_request import Asked, ChatError
from pointsman.client import Client, InvalidTaskError, NotEndedError, Progress, Result, Sent
from pointsman.client.message import body_of, id_from, task_fields
from pointsman.contracts.api_key import ApiKey
from pointsman.contracts.task import ID_PATTERN
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
_TASKS, _MODELS = "/v1/tasks/", "/v1/models/"
_ROUTES = ("POST /v1/chat/completions", "GET /v1/models", f"GET {_MODELS}ID", f"GET {_TASKS}ID")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request, its headers' names in lower case."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


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
    limits: DoorLimits

    def __call__(self, request: HttpRequest, seconds: float) -> HttpResponse:
        """Return the response, within `seconds`."""
        try:
            return self._answer(request, min(seconds, LONGEST_WAIT))
        except ChatError as error:
            # Who is told that a task failed would send another one by trying again.
            final = {"x-should-retry": "false"} if error.task_id else error.headers
            return _json(error.status, error.body, task_id=error.task_id, more=final)

    def _answer(self, request: HttpRequest, seconds: float) -> HttpResponse:
        key = self.keeper.admit(request.headers.get("authorization", ""))
        if key is None:
            raise ChatError(401, "Authorization: must be Bearer and a key of this door", code="invalid_api_key")
        match request.method, request.path.rstrip("/"):
            case "POST", "/v1/chat/completions":
                return self._complete(request, key, seconds)
            case "GET", "/v1/models":
                return _json(200, chat_response.model_list())
            case "GET", path if path.startswith(_MODELS):
                return _json(200, chat_response.model(path.removeprefix(_MODELS)))
            case "GET", path if path.startswith(_TASKS):
                return self._fetch(path.removeprefix(_TASKS), key)
        raise ChatError(404, f"there is no such method and path; there are {', '.join(_ROUTES)}", code="not_found")

    def _complete(self, request: HttpRequest, key: ApiKey, seconds: float) -> HttpResponse:
        chat = chat_request.read_chat(request.body)
        sent = self._send(chat, key, request.headers.get("idempotency-key"))
        self.log(LogEvent.TASK_ACCEPTED, task_id=sent.task_id, key=key.name)
        progress = Progress(sent.task_id, "queued")

        def keep(news: Progress) -> None:
            nonlocal progress
            progress = news

        try:
            result = next(self.client.results([sent], timeout=seconds, on_progress=keep))
        except NotEndedError:
            return _under_way(progress, stream=chat.stream)
        except Exception as trouble:  # noqa: BLE001  (it is sent: who tries again would send another)
            self.log(LogEvent.RESULT_NOT_AWAITED, level="warning", task_id=sent.task_id, why=safe_message(trouble))
            return _under_way(progress, stream=chat.stream)
        return self._ended(result, sent.task_id, chat)

    def _send(self, asked: Asked, key: ApiKey, idempotency_key: str | None) -> Sent:
        task_id = id_from(idempotency_key) if idempotency_key else str(uuid4())
        try:
            body = body_of(
                task_fields(
                    asked.prompt,
                    {
                        "task_id": key.task_id(task_id),
                        "messages": asked.messages,
                        "system": asked.system,
                        "tier": asked.tier,
                        "max_output_tokens": asked.max_output_tokens,
                        "effort": asked.effort,
                        "private": asked.private,
                        "metadata": {"agent": key.agent, **asked.metadata},
                    },
                )
            )
            if len(body.encode()) > LARGEST_BODY:
                words = f"messages: must fit into a message of {LARGEST_BODY} bytes, as SQS takes no more"
                raise ChatError(413, words, code="request_too_large", param="messages")
            if idempotency_key and self.client.is_taken(body):
                words = "Idempotency-Key: stands for another request: send this one with a key of its own"
                raise ChatError(409, words, code="idempotency_conflict", param="Idempotency-Key")
            self._hold_to_limits(key, asked, key.task_id(task_id))
            return self.client.send(body, sender=key.stated_sender)
        except InvalidTaskError as error:
            raise ChatError(400, str(error), code="invalid_value") from None

    def _hold_to_limits(self, key: ApiKey, asked: Asked, task_id: str) -> None:
        """Raise a ChatError for a tier above the key's highest, or when no more of its tasks may begin now."""
        spender = Spender(key.sender, {"agent": key.agent, **asked.metadata}, key.limited)
        if bound := self.limits.bound(spender, asked.tier):
            words = f"model: must not be above pointsman/{bound[0]}, the highest tier of this {bound[1].kind}"
            raise ChatError(403, words, code="tier_not_allowed", param="model")
        if (wait := self.limits.wait(spender, task_id)) and self.client.read(task_id) is None:
            words = "too many tasks: the limit of this key on tasks a minute or in flight is reached; try again later"
            later = {"retry-after": str(math.ceil(wait)), "retry-after-ms": str(math.ceil(wait * 1000))}
            raise ChatError(429, words, code="rate_limit_exceeded", type="rate_limit_error", headers=later)

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
            return self._ended(result, task_id, None)
        return _under_way(Progress.of(task_id, record), stream=False)

    def _ended(self, result: Result, task_id: str, asked: Asked | None) -> HttpResponse:
        if result.status is not Status.COMPLETED:
            raise chat_response.failure(task_id, result.status, result.reason)
        whole = chat_response.completion(
            task_id,
            answer=result.answer or "",
            truncated=result.truncated,
            model=result.model,
            usage=result.usage,
            created=int(self.clock.now().timestamp()),
        )
        if asked and asked.stream:
            return _events(200, chat_response.as_stream(whole, with_usage=asked.stream_usage), task_id)
        return _json(200, whole, task_id=task_id)


def _under_way(progress: Progress, *, stream: bool) -> HttpResponse:
    if stream:
        words = f"task {progress.task_id} has not ended: get {_TASKS}{progress.task_id} later"
        error = ChatError(202, words, code="not_ended", type="server_error")
        return _events(202, chat_response.event(error.body), progress.task_id)
    body = {"task_id": progress.task_id, "status": progress.state}
    where = {"location": f"{_TASKS}{progress.task_id}", "retry-after": "5"}
    return _json(202, body, task_id=progress.task_id, more=where)


def _events(status: int, body: str, task_id: str) -> HttpResponse:
    return HttpResponse(status, body, {"content-type": "text/event-stream", "x-pointsman-task-id": task_id})


def _json(
    status: int, body: object, *, task_id: str | None = None, more: Mapping[str, str] | None = None
) -> HttpResponse:
    headers = {"content-type": "application/json", **({"x-pointsman-task-id": task_id} if task_id else {})}
    return HttpResponse(status, strict_json.dumps(body), {**headers, **(more or {})})
