"""From the claims of a verified token to who is calling (RFC 7519, section 4.1; contracts, section 0)."""

import math
from collections.abc import Mapping
from typing import Any

from shared.auth.policy import TokenPolicy
from shared.auth.rejection import Rejection, TokenRejected
from shared.caller import EVERYTHING, Caller, Permission
from shared.errors import InvalidInput
from shared.identifiers import DEFAULT_TENANT, identifier

_MAX_SUBJECT = 256
_LAST_MOMENT = 253_402_300_799  # the end of the year 9999; what lies beyond is no date, but milliseconds perhaps


def caller_from(claims: Mapping[str, Any], policy: TokenPolicy, now: float) -> Caller:
    """Return the caller whom the claims describe at `now`, in seconds since the epoch; raises TokenRejected."""
    if claims.get("iss") != policy.issuer:
        raise TokenRejected(Rejection.ISSUER)
    if claims.get("aud") != policy.audience:  # a list of several is refused as well: it would hold elsewhere too
        raise TokenRejected(Rejection.AUDIENCE)
    expires = _moment(claims.get("exp"))
    if now >= expires + policy.leeway:
        raise TokenRejected(Rejection.EXPIRED)
    if any(_moment(claims[name]) > now + policy.leeway for name in ("nbf", "iat") if name in claims):
        raise TokenRejected(Rejection.NOT_YET)
    subject = claims.get("sub")
    return Caller(
        tenant=_tenant(claims.get(policy.tenant_claim, DEFAULT_TENANT)),
        permissions=_permissions(claims["scope"]) if "scope" in claims else EVERYTHING,
        leads=_leads(claims.get(policy.leads_claim, "*")),
        subject=subject[:_MAX_SUBJECT] if isinstance(subject, str) else "",
        expires=expires,
    )


def _moment(value: object) -> float:
    """Read a NumericDate; JSON as Python reads it has booleans that are integers, and 1e999 for infinity."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenRejected(Rejection.CLAIM)
    if (isinstance(value, float) and not math.isfinite(value)) or abs(value) > _LAST_MOMENT:
        raise TokenRejected(Rejection.CLAIM)
    return float(value)


def _tenant(value: object) -> str:
    if not isinstance(value, str):
        raise TokenRejected(Rejection.CLAIM)
    try:
        return identifier(value, "tenant")
    except InvalidInput as exc:
        raise TokenRejected(Rejection.CLAIM) from exc


def _permissions(value: object) -> frozenset[Permission]:
    """Read a space separated list (RFC 8693, section 4.2); names that are not ours are other services'."""
    if not isinstance(value, str):
        raise TokenRejected(Rejection.CLAIM)
    return frozenset(Permission(name) for name in value.split(" ") if name in EVERYTHING)


def _leads(value: object) -> frozenset[str] | None:
    if value == "*":
        return None
    if not isinstance(value, list) or not all(isinstance(lead, str | int) for lead in value):
        raise TokenRejected(Rejection.CLAIM)
    if any(isinstance(lead, bool) for lead in value):
        raise TokenRejected(Rejection.CLAIM)
    return frozenset(map(str, value))
