"""One call by each provider's SDK and nothing around it: the limit of what any router can reach.

It asks what the product asks: the same text, instructions and limit.
"""

from collections.abc import Callable

import anthropic
from google import genai
from google.genai import types

from benchmarks.rig import PROMPT
from pointsman.execution.output_room import DEFAULT_OUTPUT_CAPS
from pointsman.prompts import system_for
from pointsman.values.taxonomy import Tier

SYSTEM = system_for(Tier.IMPLEMENTATION, None)
LIMIT = DEFAULT_OUTPUT_CAPS[Tier.IMPLEMENTATION]


def call(model: str, url: str) -> Callable[[], object]:
    """Return a call to the stand-in, its client made and its connection kept."""
    if model.startswith("gemini"):
        options = types.HttpOptions(base_url=f"{url}/gemini", api_version="v1")
        gemini = genai.Client(api_key="stand-in", http_options=options)
        config = types.GenerateContentConfig(system_instruction=SYSTEM, max_output_tokens=LIMIT)
        return lambda: gemini.models.generate_content(model=model, contents=PROMPT, config=config)
    claude = anthropic.Anthropic(api_key="stand-in", base_url=f"{url}/anthropic", max_retries=0)
    messages: list[anthropic.types.MessageParam] = [{"role": "user", "content": PROMPT}]
    return lambda: claude.messages.create(model=model, max_tokens=LIMIT, system=SYSTEM, messages=messages)
