"""Parses and verifies a JWT and maps its claims to a caller, without I/O (RFC 7515, RFC 7519, RFC 8725)."""

import math
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError

from shared.auth.errors import RejectReason, TokenRejected
from shared.auth.policy import MAX_KEY_ID_LENGTH, TokenPolicy
from shared.auth.strict_json import parse_json_object
from shared.auth.verification_keys import VerificationKey
from shared.domain.caller import ALL_PERMISSIONS, Caller, Permission
from shared.domain.errors import InvalidInput
from shared.domain.identifiers import DEFAULT_TENANT, parse_identifier

_MAX_SUBJECT_LENGTH = 256
_MAX_DATE = 253_402_300_799  # the end of the year 9999; larger numbers may be milliseconds


def caller_from_claims(claims: Mapping[str, Any], policy: TokenPolicy, now: float) -> Caller:
    """Return the caller whom the claims describe at `now`, in seconds since the epoch; raises TokenRejected."""
    if claims.get("iss") != policy.issuer:
        raise TokenRejected(RejectReason.ISSUER)
    if not _is_meant_for(policy.audience, claims.get("aud")):
        raise TokenRejected(RejectReason.AUDIENCE)
    expires = _numeric_date(claims.get("exp"))
    if now >= expires + policy.leeway:
        raise TokenRejected(RejectReason.EXPIRED)
    if any(_numeric_date(claims[name]) > now + policy.leeway for name in ("nbf", "iat") if name in claims):
        raise TokenRejected(RejectReason.NOT_YET)
    subject = claims.get("sub")
    return Caller(
        tenant=_tenant(claims.get(policy.tenant_claim, DEFAULT_TENANT)),
        permissions=_permissions(claims),
        leads=_leads(claims.get(policy.leads_claim, "*")),
        subject=subject[:_MAX_SUBJECT_LENGTH] if isinstance(subject, str) else "",
        expires=expires,
    )


def _numeric_date(value: object) -> float:
    """Read a NumericDate (RFC 7519, section 2), in seconds since the epoch; raises TokenRejected."""
    # As Python reads JSON, booleans are integers, and 1e999 is infinity.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenRejected(RejectReason.CLAIM)
    if (isinstance(value, float) and not math.isfinite(value)) or abs(value) > _MAX_DATE:
        raise TokenRejected(RejectReason.CLAIM)
    return float(value)


def _tenant(value: object) -> str:
    if not isinstance(value, str):
        raise TokenRejected(RejectReason.CLAIM)
    try:
        return parse_identifier(value, "tenant")
    except InvalidInput as exc:
        raise TokenRejected(RejectReason.CLAIM) from exc


def _is_meant_for(audience: str, value: object) -> bool:
    """Whether an `aud` claim names us, alone or in a list (RFC 7519, section 4.1.3)."""
    return value == audience or (
        isinstance(value, list) and audience in value and all(isinstance(x, str) for x in value)
    )


def _permissions(claims: Mapping[str, Any]) -> frozenset[Permission]:
    """Read the scopes of a token, all where it has no such claim; unknown ones are ignored: other services' own.

    `scope` is separated by spaces (RFC 8693, section 4.2); some issuers send a list, and some call it `scp`.
    """
    value = claims.get("scope", claims.get("scp", " ".join(ALL_PERMISSIONS)))
    names = value.split(" ") if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise TokenRejected(RejectReason.CLAIM)
    return frozenset(Permission(name) for name in names if name in ALL_PERMISSIONS)


def _leads(value: object) -> frozenset[str] | None:
    if value == "*":
        return None
    if not isinstance(value, list) or not all(isinstance(lead, str | int) for lead in value):
        raise TokenRejected(RejectReason.CLAIM)
    if any(isinstance(lead, bool) for lead in value):
        raise TokenRejected(RejectReason.CLAIM)
    return frozenset(map(str, value))


_SEGMENT = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_SEGMENTS = 3
_KEY_MEMBERS = {"jwk", "jku", "x5u", "x5c"}  # keys come from settings: a token that brings its own is an attack
_EXTENSION_MEMBERS = {"crit", "b64"}  # must be understood to read the token, and none is (RFC 7515, section 4.1.11)


class _Registry(jws.JWSRegistry):
    """Allows headers of up to 16 KiB, the longest token; unknown members are ignored (RFC 7515, section 4)."""

    max_header_length = 16 * 1024


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A well formed token that names an allowed algorithm; its signature and claims are not verified yet.

    `key_id` is the `kid` in its header, only ever compared with the ids of known keys.
    """

    text: str
    algorithm: str
    key_id: str | None


def parse_token(text: str, policy: TokenPolicy) -> UnverifiedToken:
    """Parse a token's header; raises TokenRejected if no key could make the token valid."""
    segments = text.split(".")
    if len(segments) != _SEGMENTS or not all(map(_SEGMENT.fullmatch, segments)):
        raise TokenRejected(RejectReason.MALFORMED)
    try:
        header = parse_json_object(urlsafe_b64decode(segments[0] + "=" * (-len(segments[0]) % 4)))
    except ValueError as exc:
        raise TokenRejected(RejectReason.MALFORMED) from exc
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in policy.algorithms:
        raise TokenRejected(RejectReason.ALGORITHM)
    if header.keys() & (_KEY_MEMBERS | _EXTENSION_MEMBERS):
        raise TokenRejected(RejectReason.HEADER)
    if key_id is not None and not (isinstance(key_id, str) and len(key_id) <= MAX_KEY_ID_LENGTH):
        raise TokenRejected(RejectReason.HEADER)
    return UnverifiedToken(text, algorithm, key_id)


def verify_token(token: UnverifiedToken, keys: Sequence[VerificationKey], policy: TokenPolicy, now: float) -> Caller:
    """Return the caller if one of `keys` signed the token and its claims are valid at `now`; raises TokenRejected."""
    usable = [key for key in keys if token.algorithm in key.algorithms]
    if not usable:
        raise TokenRejected(RejectReason.UNKNOWN_KEY)
    payload = next((payload for key in usable if (payload := _verified_payload(key, token)) is not None), None)
    if payload is None:
        raise TokenRejected(RejectReason.SIGNATURE)
    try:
        claims = parse_json_object(payload)
    except ValueError as exc:
        raise TokenRejected(RejectReason.MALFORMED) from exc
    return caller_from_claims(claims, policy, now)


def _verified_payload(key: VerificationKey, token: UnverifiedToken) -> bytes | None:
    """Return the token's payload, or None if `key` did not sign it."""
    registry = _Registry(algorithms=[token.algorithm], strict_check_header=False)
    try:
        return jws.deserialize_compact(token.text, key.key, registry=registry).payload
    except (JoseError, ValueError, TypeError):
        return None
