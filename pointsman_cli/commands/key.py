"""`pointsman key`: API keys for the front door."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from pointsman.contracts.api_key import KEY_NAME_PATTERN, ApiKey, digest_of, new_key
from pointsman.routing.limit_rules import Bounds, LimitKind, LimitSubject
from pointsman.values.times import to_text
from pointsman_cli import output
from pointsman_cli.errors import BadInputError, CommandError, NotFoundError
from pointsman_cli.options import AsJson, StackOptions

HELP = "Manage API keys for the front door, the HTTP endpoint."

_Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of the key: up to 64 letters, digits, dots, hyphens, underscores.")
]


def create_key(
    stack: StackOptions,
    name: _Name,
    days: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Days until the key expires. Default: never.")
    ] = None,
    principal: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Who sends by it; an earlier key's continues it. Default: NAME."),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Limit the principal: day_usd, month_usd, rpm, in_flight or highest_tier. Repeatable. Replaces the "
            "principal's earlier limits; without it they stay.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a key and print it once. The stack stores only its hash.

    Tasks and idempotency keys belong to the key's principal: to replace a key, create another one with its principal,
    then revoke the first.

    Tasks that this key submits carry its name as `agent` in their metadata, unless they set one themselves. The report
    adds up costs by agent.
    """
    for option, value in (("NAME", name), ("--principal", principal or name)):
        if not re.fullmatch(KEY_NAME_PATTERN, value):
            words = "must start with a letter or digit and have up to 64 letters, digits, dots, hyphens and underscores"
            raise BadInputError(f"{option}: {words}")
    bounds = _bounds(limit) if limit else None
    stores, now, key = stack.connect().runtime.stores, datetime.now(UTC), new_key()
    keys = stores.api_keys
    if principal is None and (other := next((it for it in keys.read() if it.owner == name != it.name), None)):
        raise CommandError(f"{name} is the principal of key {other.name}: choose another name, or give --principal")
    expires, owner = to_text(now + timedelta(days=days)) if days else None, principal or name
    limited = bounds is not None or any(it.limited for it in keys.read() if it.owner == owner)
    if not keys.create(ApiKey(name, str(digest_of(key)), to_text(now), expires, principal=owner, limited=limited)):
        raise CommandError(f"key {name} already exists: choose another name")
    subject = LimitSubject(LimitKind.SENDER, f"key:{owner}").name
    if bounds:
        stores.grants.set_own(subject, bounds)
    limits = stores.grants.read(subject).own.model_dump(mode="json", exclude_none=True) if limited else {}
    if as_json:
        document = {"name": name, "principal": owner, "key": key, "expires_at": expires}
        output.print_document({**document, "limits": limits})
    else:
        words = ", ".join(f"{name}={value}" for name, value in limits.items())
        pairs: list[tuple[str, object]] = [("name", name), ("principal", owner), ("key", key)]
        output.print_pairs([*pairs, ("expires", expires or "never"), ("limits", words or None)])
        output.print_note("Store the key now: it is not shown again.")


def _bounds(limits: list[str]) -> Bounds:
    """Return the limits that options state as NAME=VALUE."""
    from pointsman_cli.limits import read_bounds

    pairs = [limit.partition("=") for limit in limits]
    if bad := next((name for name, equals, value in pairs if not equals or not value), None):
        raise BadInputError(f"--limit {bad}: must be NAME=VALUE, such as month_usd=1")
    return read_bounds({name.strip(): value.strip() for name, _, value in pairs})


def list_keys(stack: StackOptions, as_json: AsJson = False) -> None:
    """List the keys by name, without their secrets."""
    now = datetime.now(UTC)
    keys = stack.connect().runtime.stores.api_keys.read()
    if as_json:
        fields = ("name", "created_at", "expires_at", "revoked_at")
        more = [{"principal": key.owner, "limited": key.limited} for key in keys]
        documents = [{field: getattr(key, field) for field in fields} | of for key, of in zip(keys, more, strict=True)]
        output.print_document({"keys": documents})
    else:
        states = ["active" if key.admits(now) else "inactive" for key in keys]
        rows = [(it.name, it.owner, state, it.created_at, _expiry(it)) for it, state in zip(keys, states, strict=True)]
        output.print_table(("name", "principal", "state", "created", "expires"), rows)


def revoke_key(stack: StackOptions, name: _Name, as_json: AsJson = False) -> None:
    """Revoke a key, within a minute."""
    if not stack.connect().runtime.stores.api_keys.revoke(name, datetime.now(UTC)):
        raise NotFoundError(f"no key {name}: list the keys with `pointsman key list`")
    if as_json:
        output.print_document({"name": name, "revoked": True})
    else:
        output.print_pairs([("revoked", name)])


def _expiry(key: ApiKey) -> str:
    return f"revoked {key.revoked_at}" if key.revoked_at else key.expires_at or "never"


COMMANDS = {"create": create_key, "list": list_keys, "revoke": revoke_key}
