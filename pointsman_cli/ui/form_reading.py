"""Reads the forms of the pages: bounded, with the token of their own address."""

from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

from pointsman_cli.errors import BadInputError

type FormFields = Mapping[str, str]

LARGEST_FORM = 4_000_000
"""Bytes: the largest message, whose characters are mostly sent as `%XX`."""
_MOST_FIELDS = 50


async def read_form(request: Request) -> FormFields:
    """Return a form's fields; of several with one name the last.

    Raises:
        HTTPException: It is larger than any form of these pages, or none.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_FORM:
            raise HTTPException(413, "The form is too large: use `pointsman submit --file` for such a prompt.")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise HTTPException(400, "That was no form of these pages.") from None
    return {name: value.replace("\r\n", "\n") for name, value in pairs}


def stated(fields: FormFields, name: str) -> str | None:
    """Return what stands in a field; None for nothing."""
    return fields.get(name, "").strip() or None


def chosen[T: StrEnum](choices: type[T], fields: FormFields, name: str) -> T | None:
    """Return what was chosen in a field; None for nothing.

    Raises:
        BadInputError: It is none of the choices.
    """
    text = stated(fields, name)
    if text is not None and text not in [str(choice) for choice in choices]:
        raise BadInputError(f"{name}: must be one of {', '.join(choices)}")
    return choices(text) if text else None
