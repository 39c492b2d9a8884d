"""Errors of AWS, explained to an operator with the next step."""

import re

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    LoginError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    ProxyConnectionError,
    SSLError,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as AwsConnectionError

DEPLOY_THIS_VERSION = "deploy this version: `pointsman up`, or `pointsman init --update --stack NAME` on AWS"
_SIGN_IN = "sign in (`aws sso login` or `aws configure`), or choose a profile with --profile"
_GET_PERMISSION = "ask for the permission, or use another profile"
_RETRY = "try again in a minute"
_SET_CLOCK = "synchronise this machine's clock by NTP"
_SET_CERTIFICATES = (
    "set AWS_CA_BUNDLE to the file with the certificates of the authority that this network uses, "
    "or correct the file that it names"
)
# The first kind that fits: SSLError and ProxyConnectionError are AwsConnectionErrors too.
_STEPS: tuple[tuple[type[BotoCoreError], str], ...] = (
    (NoCredentialsError, _SIGN_IN),
    (PartialCredentialsError, _SIGN_IN),
    (CredentialRetrievalError, _SIGN_IN),
    (SSOError, _SIGN_IN),
    (LoginError, _SIGN_IN),
    (TokenRetrievalError, _SIGN_IN),
    (ProfileNotFound, "list the profiles with `aws configure list-profiles`"),
    (NoRegionError, "choose one with --region, or set AWS_REGION"),
    (SSLError, _SET_CERTIFICATES),
    (ProxyConnectionError, "correct HTTPS_PROXY, or name the hosts that need no proxy in NO_PROXY"),
    (
        AwsConnectionError,
        "check the region and this machine's internet connection; behind a proxy, set HTTPS_PROXY",
    ),
    (HTTPClientError, "check this machine's internet connection, and try again"),
)
_STEPS_BY_CODE = {
    "AccessDenied": _GET_PERMISSION,
    "AccessDeniedException": _GET_PERMISSION,
    "ExpiredToken": _SIGN_IN,
    "ExpiredTokenException": _SIGN_IN,
    "InvalidAccessKeyId": _SIGN_IN,
    "InvalidClientTokenId": _SIGN_IN,
    "InvalidSignatureException": _SIGN_IN,
    "SignatureDoesNotMatch": _SIGN_IN,
    "UnrecognizedClientException": _SIGN_IN,
    "RequestExpired": _SET_CLOCK,
    "RequestInTheFuture": _SET_CLOCK,
    "RequestTimeTooSkewed": _SET_CLOCK,
    "Throttling": _RETRY,
    "ThrottlingException": _RETRY,
}
_CLOCK_IN_MESSAGE = re.compile(
    r"signature (has )?expired|signature not yet current|certificate (is not yet valid|has expired)", re.IGNORECASE
)
"""AWS's words about a signature's time, and OpenSSL's about a certificate's."""


def aws_problem(error: ClientError | BotoCoreError) -> str:
    """Return what went wrong, without botocore's preamble."""
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        return f"AWS refused {error.operation_name}: {details.get('Code')}: {details.get('Message', '')}".rstrip(": ")
    return str(error).rstrip(".")


def next_step(error: ClientError | BotoCoreError) -> str:
    """Return what the operator can do about it."""
    if _CLOCK_IN_MESSAGE.search(aws_problem(error)):
        return _SET_CLOCK
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code"))
        return _STEPS_BY_CODE.get(code, "resolve what AWS reports, and try again")
    return next((step for kind, step in _STEPS if isinstance(error, kind)), "try again")
