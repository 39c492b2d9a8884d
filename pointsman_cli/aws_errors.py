"""Errors of AWS, explained to an operator with the next step."""

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

_SIGN_IN = "sign in (`aws sso login` or `aws configure`), or choose a profile with --profile"
_GET_PERMISSION = "ask for the permission, or use another profile"
_RETRY = "try again in a minute"
_STEPS: tuple[tuple[type[BotoCoreError], str], ...] = (
    (NoCredentialsError, _SIGN_IN),
    (UnauthorizedSSOTokenError, _SIGN_IN),
    (TokenRetrievalError, _SIGN_IN),
    (ProfileNotFound, "list the profiles with `aws configure list-profiles`"),
    (NoRegionError, "choose one with --region, or set AWS_REGION"),
    (EndpointConnectionError, "check the region and this machine's internet connection"),
)
_STEPS_BY_CODE = {
    "AccessDenied": _GET_PERMISSION,
    "AccessDeniedException": _GET_PERMISSION,
    "ExpiredToken": _SIGN_IN,
    "ExpiredTokenException": _SIGN_IN,
    "InvalidClientTokenId": _SIGN_IN,
    "UnrecognizedClientException": _SIGN_IN,
    "RequestExpired": "synchronise this machine's clock by NTP",
    "Throttling": _RETRY,
    "ThrottlingException": _RETRY,
}


def aws_problem(error: ClientError | BotoCoreError) -> str:
    """Return what went wrong, without botocore's preamble."""
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        return f"AWS refused {error.operation_name}: {details.get('Code')}: {details.get('Message', '')}".rstrip(": ")
    return str(error).rstrip(".")


def next_step(error: ClientError | BotoCoreError) -> str:
    """Return what the operator can do about it."""
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code"))
        return _STEPS_BY_CODE.get(code, "resolve what AWS reports, and try again")
    return next((step for kind, step in _STEPS if isinstance(error, kind)), "try again")
