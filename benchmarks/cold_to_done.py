"""`cold_to_done.<tier>`: from the invocation of a cold function to its answer, with a model that takes 500 ms.

Ours reads and writes its books on the local stack meanwhile; LiteLLM's handler keeps none.
"""

from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.figure import Figure, compared
from benchmarks.peer import VARIABLES, deployment
from benchmarks.places import LITELLM, TIER_MODELS, Artifact, built_function, handler_of, packages_of
from benchmarks.rie import started
from benchmarks.rig import PROMPT, rig_on, settings_of, shipped, started_task
from pointsman.values.taxonomy import Tier
from tests.support.local_stack import Stack

MODEL_SECONDS = 0.5
ASKING = """from litellm import Router

def handler(event, context):
    router = Router(model_list=[event["deployment"]])
    messages = [{"role": "user", "content": event["prompt"]}]
    return router.completion(model="tier", messages=messages).choices[0].message.content
"""


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure both with one tier of each provider."""
    stack = bench.stack
    with slow_models(stack):
        for tier in (Tier.ORCHESTRATION, Tier.IMPLEMENTATION):
            yield _tier(bench, tier)


class slow_models:  # noqa: N801  (used as a function)
    """A block in which every model of the stand-in takes `MODEL_SECONDS`."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def __enter__(self) -> None:
        for provider in ("gemini", "anthropic"):
            self._stack.fault(provider, {"delay": MODEL_SECONDS})

    def __exit__(self, *_: object) -> None:
        self._stack.control("DELETE", "faults")


def _tier(bench: Bench, tier: Tier) -> Figure:
    stack, model = bench.stack, TIER_MODELS[tier]
    rig, url = rig_on(stack, shipped()), str(stack.info.fake_providers_url)
    pointsman, peer = built_function(bench.built, tier), handler_of("litellm-asks", ASKING, packages_of(LITELLM))
    event = {"deployment": deployment("tier", model, url), "prompt": PROMPT}
    ours, theirs = list[float](), list[float]()
    for _ in range(bench.runs(5)):
        stack.delete_model_health()
        answer, spent = _cold(pointsman, started_task(rig, tier=tier).as_state(), settings_of(stack))
        if not isinstance(answer, dict) or answer.get("next") != "deliver":
            raise RuntimeError(f"a cold function did not answer: {answer}")
        ours.append(spent)
        words, spent = _cold(peer, event, VARIABLES)
        if not isinstance(words, str):
            raise RuntimeError(f"LiteLLM did not answer: {words}")
        theirs.append(spent)
    return compared(f"cold_to_done.{tier}", ours, "a LiteLLM handler, with .pyc", theirs)


def _cold(artifact: Artifact, event: object, environment: dict[str, str]) -> tuple[object, float]:
    with started(artifact, environment) as function:
        return function.invoke(event)
