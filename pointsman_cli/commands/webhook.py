"""`pointsman webhook`: what the receivers of webhooks need."""

import re
from typing import Annotated

import typer

from pointsman.values.text import without_mark
from pointsman_cli import output
from pointsman_cli.errors import BadInputError, CommandError
from pointsman_cli.options import AsJson, StackOptions

HELP = "Manage webhooks: the secret of each receiving host."


def print_secret(
    stack: StackOptions,
    host: Annotated[
        str, typer.Argument(metavar="HOST", help="Host as in WebhookHosts, with its port unless that is 443.")
    ],
    as_json: AsJson = False,
) -> None:
    """Print the secret with which a host verifies its webhooks.

    It is derived from the stack's secret and verifies no other host's webhooks. While the stack's secret is being
    replaced, prints one for the new and one for the old, separated by a space.
    """
    from botocore.exceptions import ClientError

    from pointsman.adapters.dynamo import code_of
    from pointsman.contracts.reply_to import WEBHOOK, address_of
    from pointsman.contracts.webhook import host_secret

    try:
        if re.search(r"[/?]", host):
            raise ValueError("must be a host alone, without a path")
        address = str(address_of(WEBHOOK + host))
    except ValueError as rule:
        raise BadInputError(f"HOST: {rule}") from None
    connection, name = stack.connect(), address.removeprefix(WEBHOOK)
    parameter = connection.settings.webhook_key_parameter
    try:
        stored = connection.clients.client("ssm").get_parameter(Name=parameter, WithDecryption=True)
        secret = host_secret(without_mark(stored["Parameter"]["Value"]).strip(), name)
    except ValueError as rule:
        raise CommandError(f"{parameter} in Parameter Store {rule}") from None
    except ClientError as error:
        if code_of(error) != "ParameterNotFound":
            raise
        raise CommandError(f"no {parameter} in Parameter Store: run `pointsman init --keys-only`") from None
    if as_json:
        output.print_document({"host": name, "secret": secret})
    else:
        print(secret)
    if address not in connection.settings.reply_places:
        output.print_note(f"Host {name} is not in WebhookHosts: the stack calls it only once it is.")


COMMANDS = {"secret": print_secret}
