"""What AWS refused, in words for an operator, and the next step."""

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

_SIGN_IN = "sign in (`aws sso login`, or `aws configure`), or name a profile with --profile"
_STEPS: tuple[tuple[type[BotoCoreError], str], ...] = (
    (NoCredentialsError, _SIGN_IN),
    (UnauthorizedSSOTokenError, _SIGN_IN),
    (TokenRetrievalError, _SIGN_IN),
    (ProfileNotFound, "see which there are: `aws configure list-profiles`"),
    (NoRegionError, "name one with --region, or set AWS_REGION"),
    (EndpointConnectionError, "check the region and this machine's way to the internet"),
)
_CODES = {
    "AccessDenied": "ask for the permission, or use another profile",
    "AccessDeniedException": "ask for the permission, or use another profile",
    "ExpiredToken": _SIGN_IN,
    "ExpiredTokenException": _SIGN_IN,
    "InvalidClientTokenId": _SIGN_IN,
    "UnrecognizedClientException": _SIGN_IN,
    "RequestExpired": "set this machine's clock by NTP",
    "Throttling": "try again in a minute",
    "ThrottlingException": "try again in a minute",
}


def problem(error: ClientError | BotoCoreError) -> str:
    """Return what is the matter, without botocore's preamble."""
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        return f"AWS refuses {error.operation_name}: {details.get('Code')}: {details.get('Message', '')}".rstrip(": ")
    return str(error).rstrip(".")


def step(error: ClientError | BotoCoreError) -> str:
    """Return the next step."""
    if isinstance(error, ClientError):
        return _CODES.get(str(error.response.get("Error", {}).get("Code")), "see what AWS says, and try again")
    return next((words for kind, words in _STEPS if isinstance(error, kind)), "try again")
