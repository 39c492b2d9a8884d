"""Runs MiniStack with eleven changes.

- Each layer is unpacked once. Lambda mounts a layer; MiniStack unpacks its thousands of files for every worker
  process, which took most of a cold start.
- A call with a task token is authorised on a state machine, as on AWS (CDK grants it so:
  `StateMachine.grantTaskResponse`). MiniStack checks the role against `*`.
- SQS tells who sent a message (`sender_ids`).
- A call counts as TLS. The template's policies refuse plain HTTP, which is all that MiniStack speaks, on loopback.
- A throttled function fails a workflow's task by Lambda's name for it, as on AWS; MiniStack says `Lambda.Unknown`. A
  function is throttled on request: `PutFunctionConcurrency` with 0.
- The concurrency of an event source mapping may be a parameter of the template: MiniStack keeps it as text, and then
  compares it with a number, so that it never polls the queue.
- Items of DynamoDB are slow and contended on request (`slow_items`).
- The addresses of code and layers name the stack's access key, as AWS signs them.
- At rest it does less: no schedules, no idle workers (`at_rest`).
- Web pages and callers without the stack's access key are refused (`request_guard`): MiniStack takes anybody for root.
  Pages may call the front door if its parameter names their origin.
- What tables, queues and buckets hold outlives the process, if the environment names a folder for it (`kept_state`).

This is a script for MiniStack's own Python and imports nothing else of this project but the six modules beside it.
"""

import contextvars
import hashlib
import importlib
import inspect
import os
import runpy
import sys
import tempfile
import threading
import zipfile
from pathlib import Path
from typing import Any

_MANY_FILES = 200
_unpack = zipfile.ZipFile.extractall
_lock = threading.Lock()
_shared: dict[str, Path] = {}


def _unpack_once(archive: zipfile.ZipFile, path: Any = None, members: Any = None, pwd: bytes | None = None) -> None:
    """Unpack a large archive once and link to it from then on; unpack a small one as usual."""
    entries = archive.infolist()
    if path is None or members is not None or len(entries) < _MANY_FILES:
        _unpack(archive, path, members, pwd)
        return
    digest = hashlib.sha256(repr([(entry.filename, entry.CRC, entry.file_size) for entry in entries]).encode())
    key = digest.hexdigest()
    with _lock:
        if key not in _shared:
            folder = Path(tempfile.mkdtemp(prefix="unpacked-"))
            _unpack(archive, folder)
            _shared[key] = folder
    for entry in _shared[key].iterdir():
        (Path(path) / entry.name).symlink_to(entry)


def _name_token_resource() -> None:
    """Authorise a call that names only a task token on a state machine."""
    actions = importlib.import_module("ministack.core.iam_actions")
    extract = actions.extract_resource_arn

    def resource_arn(service: str, *args: Any, **options: Any) -> str:
        arn = str(extract(service, *args, **options))
        bound = inspect.signature(extract).bind(service, *args, **options).arguments
        if service == "states" and arn == "*" and b"taskToken" in bound.get("body", b""):
            return f"arn:aws:states:{bound['region']}:{bound['account_id']}:stateMachine:of-the-token"
        return arn

    actions.extract_resource_arn = resource_arn  # type: ignore[attr-defined]


def _count_as_tls() -> None:
    """Make policies see `aws:SecureTransport` as true, for requests and for deliveries between services."""
    evaluator = importlib.import_module("ministack.core.iam_evaluator")
    origin = contextvars.ContextVar("origin", default=("127.0.0.1", True))

    def pin(source_ip: str, secure_transport: bool) -> None:
        del secure_transport
        origin.set((source_ip, True))

    evaluator._request_origin = origin  # type: ignore[attr-defined]
    evaluator.pin_request_origin = pin  # type: ignore[attr-defined]


def _name_throttling() -> None:
    """Fail a task of a workflow whose function is throttled with `Lambda.TooManyRequestsException`."""
    steps = importlib.import_module("ministack.services.stepfunctions")
    call = steps._call_lambda

    def call_lambda(function: Any, event: Any) -> Any:
        try:
            return call(function, event)
        except steps._ExecutionError as error:
            name = "TooManyRequestsException"
            if name not in str(error.cause) or error.error != "Lambda.Unknown":
                raise
            raise steps._ExecutionError(f"Lambda.{name}", error.cause) from error

    steps._call_lambda = call_lambda  # type: ignore[attr-defined]


def _count_concurrency() -> None:
    """Take the concurrency of an event source mapping for a number, also where a template's parameter states it."""
    functions = importlib.import_module("ministack.services.lambda_svc")
    concurrency = functions._sqs_esm_concurrency

    def count(mapping: dict[str, Any], *args: Any) -> int:
        stated = (mapping.get("ScalingConfig") or {}).get("MaximumConcurrency")
        scaling = {"ScalingConfig": {"MaximumConcurrency": int(stated)}} if stated else {}
        return int(concurrency(mapping | scaling, *args))

    functions._sqs_esm_concurrency = count  # type: ignore[attr-defined]


def _sign_downloads() -> None:
    """Name the access key in the addresses of code and layers, as AWS signs them."""
    functions = importlib.import_module("ministack.services.lambda_svc")
    for name in ("_layer_content_url", "_presigned_code_url"):
        address = getattr(functions, name)

        def signed(*args: Any, address: Any = address, **options: Any) -> str:
            url = str(address(*args, **options))
            return f"{url}{'&' if '?' in url else '?'}X-Amz-Credential={os.environ['AWS_ACCESS_KEY_ID']}"

        setattr(functions, name, signed)


def _web_origins(url_id: str) -> list[str]:
    """Return the origins that the environment of a function URL's function names."""
    functions = importlib.import_module("ministack.services.lambda_svc")
    resolved = functions.resolve_function_url(url_id)
    if resolved is None:
        return []
    account_id, region, name, qualifier, _ = resolved
    reference = f"{name}:{qualifier}" if qualifier else name
    _, config, _ = functions._get_func_record_for_ref_in_scope(reference, account_id=account_id, region=region)
    variables = ((config or {}).get("Environment") or {}).get("Variables") or {}
    return [origin.strip() for origin in variables.get("FRONT_DOOR_ORIGINS", "").split(",") if origin.strip()]


def _keep_state() -> None:
    """Keep the state in the folder that the environment names, if it does."""
    keeper, emulator = importlib.import_module("kept_state"), importlib.import_module("ministack.app")
    if folder := os.environ.get(keeper.FOLDER):
        emulator.app = keeper.KeptState(Path(folder)).in_front_of(emulator.app)  # type: ignore[attr-defined]


def _guard_requests() -> None:
    """Refuse web pages, foreign hosts, and callers without the access key in the environment."""
    guard, emulator = importlib.import_module("request_guard"), importlib.import_module("ministack.app")
    emulator.app = guard.RequestGuard(  # type: ignore[attr-defined]
        emulator.app, access_key=os.environ["AWS_ACCESS_KEY_ID"], origins_of=_web_origins
    )


if __name__ == "__main__":
    importlib.import_module("sender_ids").install()
    importlib.import_module("slow_items").contend_slow_items()
    importlib.import_module("at_rest").rest_more()
    _name_token_resource()
    _count_as_tls()
    _name_throttling()
    _count_concurrency()
    _sign_downloads()
    _keep_state()  # it and the next import the emulator, which takes the functions that are replaced
    _guard_requests()
    zipfile.ZipFile.extractall = _unpack_once  # type: ignore[assignment, method-assign]
    sys.argv = ["ministack"]
    runpy.run_module("ministack", run_name="__main__", alter_sys=True)
