"""The frame of every function: Powertools around the handler, and what a cold start can do ahead is done in INIT."""

import gc
import warnings
from collections.abc import Callable
from typing import Any

gc.disable()  # until all is imported: nearly all of that stays, and the collector would walk through it again and again

from aws_lambda_powertools import Logger, Metrics  # noqa: E402

from pointsman.entrypoints.lambda_context import KEEP_WARM  # noqa: E402
from pointsman.entrypoints.runtime import Runtime, warm_up  # noqa: E402

# Most invocations have nothing to count; Powertools would say so in every log.
warnings.filterwarnings("ignore", message="No application metrics to publish", category=UserWarning)

type Handler = Callable[[Any, Any], Any]


def function(parts: Callable[[Runtime], object] | None = None) -> Callable[[Handler], Handler]:
    """Return the decorator of a function's handler, the last that its module does; `parts` is built in INIT."""

    def around(handler: Handler) -> Handler:
        logger, metrics = Logger(), Metrics()
        framed: Handler = logger.inject_lambda_context(metrics.log_metrics(handler))

        def whole(event: Any, context: Any) -> Any:
            return None if event == KEEP_WARM else framed(event, context)

        if parts:
            warm_up(parts)
        gc.freeze()
        gc.enable()
        return whole

    return around
