"""The reasons for rejecting a token: written to logs and metrics, while every caller gets the same message."""

from enum import StrEnum

from shared.domain.errors import NotAuthenticated

_MESSAGE = "A valid bearer token is required: send it as Authorization: Bearer <token>."


class RejectReason(StrEnum):
    """The `reason` label of the metric `jwt_rejects_total`."""

    MISSING = "missing"
    AMBIGUOUS = "ambiguous"
    SCHEME = "scheme"
    TOO_LONG = "too_long"
    MALFORMED = "malformed"
    ALGORITHM = "algorithm"
    HEADER = "header"
    UNKNOWN_KEY = "unknown_key"
    SIGNATURE = "signature"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    CLAIM = "claim"


class TokenRejected(NotAuthenticated):
    """A token is missing or invalid; `reason` is never sent, as it would teach an attacker what to try next."""

    def __init__(self, reason: RejectReason) -> None:
        super().__init__(_MESSAGE, invalid_token=reason is not RejectReason.MISSING)
        self.reason = reason
