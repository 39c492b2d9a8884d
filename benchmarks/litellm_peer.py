"""LiteLLM's Router with its defaults, by LiteLLM's own Python: answers a line of JSON with a line of JSON.

The first line is the specification `{"models": [...], "prompt": …}`; each further one is a model group to ask. The
answer is `{"ms": …}`. It imports nothing of this project.
"""

import json
import sys
import time
from typing import Any

from litellm import Router


def main() -> None:
    """Ask whenever a line comes; each with a Router of its own when the specification says so."""
    spec: dict[str, Any] = json.loads(sys.stdin.readline())

    def made() -> Any:
        return Router(model_list=spec["models"], fallbacks=spec.get("fallbacks", []))

    router = made()
    print("ready", flush=True)
    for line in sys.stdin:
        messages = [{"role": "user", "content": spec["prompt"]}]
        began = time.perf_counter()
        router.completion(model=json.loads(line), messages=messages)
        told = {"ms": (time.perf_counter() - began) * 1000}
        if spec.get("fresh"):
            router = made()
        print("> " + json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
