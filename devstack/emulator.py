"""Runs MiniStack with three changes.

A layer is unpacked once and not once for each worker: Lambda mounts a layer, MiniStack unpacks it anew for each worker
process, thousands of files, which took most of a cold start. A call with a task token is on a state machine, as on AWS
(whose CDK grants it so: `StateMachine.grantTaskResponse`), where MiniStack checks the role against `*`. And a call
counts as one over TLS: the template's policies refuse plain HTTP, which is what MiniStack speaks, on this machine only.

It is a script, run with MiniStack's own Python, and imports nothing else of this project.
"""

import contextvars
import hashlib
import importlib
import inspect
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
    """Unpack a large archive as links to the one place where it was unpacked first; a small one as ever."""
    entries = archive.infolist()
    if path is None or members is not None or len(entries) < _MANY_FILES:
        _unpack(archive, path, members, pwd)
        return
    digest = hashlib.sha256(repr([(entry.filename, entry.CRC, entry.file_size) for entry in entries]).encode())
    key = digest.hexdigest()
    with _lock:
        if key not in _shared:
            place = Path(tempfile.mkdtemp(prefix="unpacked-"))
            _unpack(archive, place)
            _shared[key] = place
    for entry in _shared[key].iterdir():
        (Path(path) / entry.name).symlink_to(entry)


def _name_token_resource() -> None:
    """Have a call that only names a task token checked as one on a state machine."""
    actions = importlib.import_module("ministack.core.iam_actions")
    extract = actions.extract_resource_arn

    def named(service: str, *args: Any, **options: Any) -> str:
        found = str(extract(service, *args, **options))
        bound = inspect.signature(extract).bind(service, *args, **options).arguments
        if service == "states" and found == "*" and b"taskToken" in bound.get("body", b""):
            return f"arn:aws:states:{bound['region']}:{bound['account_id']}:stateMachine:of-the-token"
        return found

    actions.extract_resource_arn = named  # type: ignore[attr-defined]


def _count_as_tls() -> None:
    """Have policies see `aws:SecureTransport` as true, for requests and for deliveries between services."""
    evaluator = importlib.import_module("ministack.core.iam_evaluator")
    origin = contextvars.ContextVar("origin", default=("127.0.0.1", True))

    def pin(source_ip: str, secure_transport: bool) -> None:
        del secure_transport
        origin.set((source_ip, True))

    evaluator._request_origin = origin  # type: ignore[attr-defined]
    evaluator.pin_request_origin = pin  # type: ignore[attr-defined]


if __name__ == "__main__":
    _name_token_resource()
    _count_as_tls()
    zipfile.ZipFile.extractall = _unpack_once  # type: ignore[assignment, method-assign]
    sys.argv = ["ministack"]
    runpy.run_module("ministack", run_name="__main__", alter_sys=True)
