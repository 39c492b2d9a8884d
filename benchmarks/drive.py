"""Drives a built tier function in a process of its own, with Lambda's packages: `python drive.py`.

It imports nothing of this project but the function's `app.py`, so that it drives any state of it. A line on stdin is
`{"state": …}`, the workflow's state object; the answer is a line: processor and wall milliseconds of the invocation,
of these what AWS calls took, how many there were, and where the attempt leads.
"""

import importlib
import json
import os
import sys
import time
from typing import Any

from botocore.client import BaseClient


class Calls:
    """The AWS calls of one invocation."""

    count, processor, wall = 0, 0.0, 0.0


class Context:
    """Lambda's context of an invocation."""

    function_name, memory_limit_in_mb, aws_request_id = "benchmark", 1024, "request"
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:benchmark"

    def get_remaining_time_in_millis(self) -> int:
        """Return what each attempt is told it has."""
        return 60_000


def _timed(call: Any) -> Any:
    def timed(*args: Any, **options: Any) -> Any:
        processor, wall = time.process_time(), time.perf_counter()
        try:
            return call(*args, **options)
        finally:
            Calls.count += 1
            Calls.processor += time.process_time() - processor
            Calls.wall += time.perf_counter() - wall

    return timed


def main() -> None:
    """Answer a line with a line."""
    answers, sys.stdout = sys.stdout, open(os.devnull, "w")  # noqa: PTH123, SIM115  (the function logs there)
    BaseClient._make_api_call = _timed(BaseClient._make_api_call)
    handler = importlib.import_module("app").handler
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        state = json.loads(line)["state"]
        Calls.count, Calls.processor, Calls.wall = 0, 0.0, 0.0
        processor, wall = time.process_time(), time.perf_counter()
        after = handler(state, Context())
        answer = {
            "processor_ms": (time.process_time() - processor) * 1000,
            "wall_ms": (time.perf_counter() - wall) * 1000,
            "aws_processor_ms": Calls.processor * 1000,
            "aws_wall_ms": Calls.wall * 1000,
            "aws_calls": Calls.count,
            "next": after["next"],
        }
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
