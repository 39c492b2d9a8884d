"""`pointsman.quality` of openclaw.json: who judges the audit's pairs, and which difference matters."""

from typing import Annotated

from pydantic import Field

from pointsman.routing.config_shape import ConfigShape


class QualityRules(ConfigShape):
    """How the quality of the answers is measured on the audit's sample. Private tasks are judged by people alone."""

    judges: Annotated[list[str], Field(max_length=2)] = Field(default_factory=list)
    """Models that say which of two answers is better: at most one of each provider. None: people alone judge."""
    controls: Annotated[float, Field(ge=0, le=1)] = 0.1
    """The share of the audited tasks with which each judge is also shown a pair of which it is known what is right."""
    margin_points: Annotated[float, Field(gt=0, le=50)] = 5.0
    """The difference that matters, in points of 100: an interval is narrow enough that is twice as wide."""
    tolerated_points: Annotated[float, Field(ge=0, le=50)] = 0.0
    """How much worse than the baseline's the answers may be without a notice."""
