"""LiteLLM's Router with its defaults, by LiteLLM's own Python: answers a line of JSON with a line of JSON.

The first line is the specification `{"models": [...], "prompt": …}`; each further one is a model group to ask. The
answer is `{"ms": …, "processor_ms": …}`. It imports nothing of this project.
"""

import json
import sys
import time
from typing import Any

from litellm import Router


def main() -> None:
    """Ask whenever a line comes; each with a Router of its own when the specification says so."""
    spec: dict[str, Any] = json.loads(sys.stdin.readline())

    def new_router() -> Any:
        return Router(model_list=spec["models"], fallbacks=spec.get("fallbacks", []))

    router = new_router()
    print("ready", flush=True)
    for line in sys.stdin:
        messages = [{"role": "user", "content": spec["prompt"]}]
        wall, processor = time.perf_counter(), time.process_time()
        router.completion(model=json.loads(line), messages=messages)
        processor_ms = (time.process_time() - processor) * 1000
        answer = {"ms": (time.perf_counter() - wall) * 1000, "processor_ms": processor_ms}
        if spec.get("fresh"):
            router = new_router()
        print("> " + json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
