"""Gives SQS's `SenderId` as AWS does; MiniStack gives the account for everyone.

It is the caller's own: a user's id, or a role's with the session after a colon; root's is the account. A service that
sends by itself has one of its own, made up here (`devstack.callers`).

Like the emulator's script, this runs in MiniStack's own Python and imports nothing else of this project.
"""

import contextvars
import importlib
from collections.abc import Callable
from typing import Any

SENDING = (
    ("sns", "_deliver_to_sqs", "AIDALOCALSNS"),
    ("eventbridge", "_dispatch_to_sqs", "AIDALOCALEVENTS"),
    ("s3", "_deliver_event_to_sqs", "AROALOCALS3:S3-PROD-END"),
)
"""MiniStack's module and function that puts a service's message on a queue, and the service's id."""


def install() -> None:
    """Replace what sets the attribute, and what hands it to a function."""
    evaluator = importlib.import_module("ministack.core.iam_evaluator")
    sqs, functions = (importlib.import_module(f"ministack.services.{name}") for name in ("sqs", "lambda_svc"))
    caller, service = (contextvars.ContextVar(name, default="") for name in ("caller_id", "service_id"))
    pin, build, ensure, run = (
        evaluator.pin_request_caller,
        sqs._build_send_sys_attrs,
        sqs._ensure_msg_fields,
        functions._run_sqs_batch,
    )

    def pin_caller(headers: dict[str, str], query_params: dict[str, Any] | None = None) -> None:
        pin(headers, query_params)
        caller.set(_principal_id(evaluator, headers, query_params))

    def sent_by_caller(now: float, given: dict[str, Any]) -> dict[str, Any]:
        attributes = build(now, given)
        return {**attributes, "SenderId": caller.get() or attributes["SenderId"]}

    def sent_by_service(message: dict[str, Any]) -> None:
        ensure(message)
        if sender_id := service.get():
            message["sys"]["SenderId"] = sender_id

    def run_batch(mapping: Any, function: Any, event: dict[str, Any], batch: list[dict[str, Any]], *where: Any) -> Any:
        senders = {message["id"]: message["sys"]["SenderId"] for message in batch}
        for record in event["Records"]:
            record["attributes"]["SenderId"] = senders[record["messageId"]]
        return run(mapping, function, event, batch, *where)

    def by_service(send: Callable[..., Any], sender_id: str) -> Callable[..., Any]:
        def sending(*args: Any, **options: Any) -> Any:
            token = service.set(sender_id)
            try:
                return send(*args, **options)
            finally:
                service.reset(token)

        return sending

    evaluator.pin_request_caller = pin_caller  # type: ignore[attr-defined]
    sqs._build_send_sys_attrs = sent_by_caller  # type: ignore[attr-defined]
    sqs._ensure_msg_fields = sent_by_service  # type: ignore[attr-defined]
    functions._run_sqs_batch = run_batch  # type: ignore[attr-defined]
    for name, send, sender_id in SENDING:
        module = importlib.import_module(f"ministack.services.{name}")
        setattr(module, send, by_service(getattr(module, send), sender_id))


def _principal_id(evaluator: Any, headers: dict[str, str], query_params: dict[str, Any] | None) -> str:
    """Return the id of who signed the request; MiniStack gives functions' sessions their role's name for an id."""
    router = importlib.import_module("ministack.core.router")
    account = importlib.import_module("ministack.core.responses").get_account_id()
    key = router.extract_access_key_id(headers or {}, query_params or {})
    credential: Any = evaluator.resolve_credential(key, account) if key else None
    if getattr(credential, "principal_type", None) != "AssumedRole":
        return str(getattr(credential, "principal_id", ""))
    role_name, _, session = credential.principal_arn.rpartition("/")
    iam = importlib.import_module("ministack.services.iam")
    role = iam._roles.get_scoped(credential.account_id, None, role_name.rpartition("/")[2])
    return f"{role['RoleId']}:{session}" if role else str(credential.principal_id)
