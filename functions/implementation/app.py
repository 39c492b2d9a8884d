"""One attempt on Claude at a task: the workflow's state object in, the next one out."""

from typing import Any

from pointsman.cold_start import function
from pointsman.domain.catalogue import Provider
from pointsman.domain.taxonomy import Tier
from pointsman.handlers import Context, attempt


@function(lambda app: (app.attempt(Tier.IMPLEMENTATION), app.adapter(Provider.ANTHROPIC)))
def handler(state: dict[str, Any], context: Context) -> dict[str, Any]:
    """Return where the attempt leads."""
    return attempt(Tier.IMPLEMENTATION, state, context)
