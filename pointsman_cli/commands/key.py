"""`pointsman key`: who may come in by the front door."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from pointsman.contracts.api_key import KEY_NAME_PATTERN, ApiKey, digest_of, new_key
from pointsman.values.times import to_text
from pointsman_cli import output
from pointsman_cli.errors import BadInputError, CommandError, Exit, NotFoundError
from pointsman_cli.options import AsJson, Profile, Region, Stack

CREATE_EXAMPLES = """\b
Examples:
  pointsman key create nightly-ci --stack pointsman
  OPENAI_API_KEY=$(pointsman key create laptop --days 30 --json | jq -r .key)"""
LIST_EXAMPLES = """\b
Examples:
  pointsman key list --stack pointsman"""
REVOKE_EXAMPLES = """\b
Examples:
  pointsman key revoke nightly-ci --stack pointsman"""

Name = Annotated[str, typer.Argument(metavar="NAME", help="Whose it is: up to 64 letters, digits, dots, - and _.")]


def create(
    name: Name,
    days: Annotated[
        int | None, typer.Option("--days", metavar="N", min=1, help="Let it expire; without: never.")
    ] = None,
    as_json: AsJson = False,
    stack: Stack = None,
    profile: Profile = None,
    region: Region = None,
) -> int:
    """Make a key for the front door and print it, once: only its hash is kept.

    Its name stands in the metadata of its tasks as `agent`, unless they say otherwise, and so in the report.
    """
    from pointsman_cli import stacks

    if not re.fullmatch(KEY_NAME_PATTERN, name):
        raise BadInputError("NAME: must be up to 64 letters, digits, dots, hyphens and underscores, no sign first")
    connection, now, key = stacks.connect(stack, profile, region), datetime.now(UTC), new_key()
    expires = to_text(now + timedelta(days=days)) if days else None
    kept = ApiKey(name, str(digest_of(key)), to_text(now), expires)
    if not connection.runtime.stores.api_keys.create(kept):
        raise CommandError(f"there is a key {name} already: take another name")
    if as_json:
        output.print_document({"name": name, "key": key, "expires_at": expires})
    else:
        output.print_pairs([("name", name), ("key", key), ("expires", expires or "never")])
        output.print_note("It is shown this once.")
    return Exit.OK


def print_key(
    as_json: AsJson = False,
    stack: Stack = None,
    profile: Profile = None,
    region: Region = None,
) -> int:
    """List the keys of the front door, by name; the keys themselves are not known."""
    from pointsman_cli import stacks

    now = datetime.now(UTC)
    keys = stacks.connect(stack, profile, region).runtime.stores.api_keys.read()
    if as_json:
        names = ("name", "created_at", "expires_at", "revoked_at")
        output.print_document(
            {"keys": [{field_name: getattr(key, field_name) for field_name in names} for key in keys]}
        )
    else:
        rows = [(key.name, "open" if key.admits(now) else "closed", key.created_at, _until(key)) for key in keys]
        output.print_table(("name", "door", "made", "until"), rows)
    return Exit.OK


def revoke(
    name: Name,
    as_json: AsJson = False,
    stack: Stack = None,
    profile: Profile = None,
    region: Region = None,
) -> int:
    """Have a key open the front door no more, within a minute."""
    from pointsman_cli import stacks

    if not stacks.connect(stack, profile, region).runtime.stores.api_keys.revoke(name, datetime.now(UTC)):
        raise NotFoundError(f"there is no key {name}: see `pointsman key list`")
    if as_json:
        output.print_document({"name": name, "revoked": True})
    else:
        output.print_pairs([("revoked", name)])
    return Exit.OK


def _until(key: ApiKey) -> str:
    return f"revoked {key.revoked_at}" if key.revoked_at else key.expires_at or "never"


HELP = "Keys of the front door, which takes tasks by HTTP."
_KEY_COMMANDS = (
    ("create", create, CREATE_EXAMPLES),
    ("list", print_key, LIST_EXAMPLES),
    ("revoke", revoke, REVOKE_EXAMPLES),
)
