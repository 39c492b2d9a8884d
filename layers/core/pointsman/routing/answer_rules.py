"""What `openclaw.json` may ask of an answer (`pointsman.verify`)."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from pointsman.routing.config_shape import ConfigShape
from pointsman.values import json_schema


class Checks(ConfigShape):
    """What an answer must be for its task to be done; one that is not gets a second try, one tier up."""

    complete: bool = False
    """It must not be cut at its limit of tokens."""
    min_chars: Annotated[int, Field(ge=1)] | None = None
    max_chars: Annotated[int, Field(ge=1)] | None = None
    sections: tuple[Annotated[str, Field(pattern=r"\w")], ...] = ()
    """Titles that must stand on a line of their own."""
    language: Literal["python", "json", "toml"] | None = None
    """What its code must parse as: fenced blocks of that language, else those without one, else the whole answer."""
    json_schema: dict[str, Any] | None = None
    """What its JSON must follow, found as for `language`."""
    judge: bool = False
    """Whether a free model is asked if the answer is acceptable, where all other checks are passed and the task is not
    private."""

    @field_validator("json_schema")
    @classmethod
    def _compiles(cls, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        if schema is not None:
            json_schema.compiled(schema)
        return schema

    @model_validator(mode="after")
    def _checks_something(self) -> Self:
        if all(getattr(self, name) in (None, False, ()) for name in type(self).model_fields):
            raise ValueError(f"states no check; choose from {', '.join(type(self).model_fields)}")
        if self.min_chars and self.max_chars and self.min_chars > self.max_chars:
            raise ValueError("min_chars must not be above max_chars")
        return self
