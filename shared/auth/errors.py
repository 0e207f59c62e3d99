"""Why a token is refused: for our own logs and metrics, the same to every caller."""

from enum import StrEnum

from shared.domain.errors import NotAuthenticated

_MESSAGE = "A valid bearer token is required: send it as Authorization: Bearer <token>."


class RejectReason(StrEnum):
    """The label in `jwt_rejects_total`."""

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
    """A token that does not hold; `reason` stays with us, or it would teach an attacker what to try next."""

    def __init__(self, reason: RejectReason) -> None:
        super().__init__(_MESSAGE)
        self.reason = reason
