"""What all objects of `openclaw.json` have in common."""

from pydantic import BaseModel, ConfigDict


class ConfigShape(BaseModel):
    """An object whose keys are all known."""

    model_config = ConfigDict(frozen=True, extra="forbid")
