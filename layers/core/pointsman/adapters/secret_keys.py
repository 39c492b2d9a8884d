"""The providers' keys: the environment first, else SSM SecureStrings, read once when a model is first asked."""

import os
from collections.abc import Callable

from botocore.exceptions import ClientError

from pointsman.adapters.dynamo import AwsClient, code_of, reachable
from pointsman.values.errors import MissingKeyError
from pointsman.values.text import without_mark


def key_from(variable: str, parameter: str, ssm: Callable[[], AwsClient]) -> str:
    """Return the key.

    Raises:
        MissingKeyError: it stands in neither place; the message names both and never the key.
        StoreError: Parameter Store is out of reach or throttles.
    """
    if key := without_mark(os.environ.get(variable, "")).strip():
        return key
    try:
        with reachable():
            stored = ssm().get_parameter(Name=parameter, WithDecryption=True)["Parameter"]["Value"]
            return without_mark(str(stored)).strip()
    except ClientError as error:
        if code_of(error) != "ParameterNotFound":
            raise
        raise MissingKeyError(
            f"no key: set {variable}, or the SecureString {parameter} in SSM Parameter Store"
        ) from None
