"""What a token must be like to be believed (RFC 8725: decided by settings, never by the token)."""

from collections.abc import Mapping
from dataclasses import dataclass

ALGORITHMS: Mapping[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "PS256": ("RSA", None),
    "PS384": ("RSA", None),
    "PS512": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
}
"""What may be allowed at all, and the type and curve of its keys (RFC 7518, section 3.1); nothing symmetric."""

MAX_KEY_ID = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPolicy:
    """Who must have issued a token, for whom, signed how; `leeway` in seconds forgives clocks that differ.

    `tenant_claim` and `leads_claim` are the names under which the issuer writes the two.
    """

    algorithms: frozenset[str]
    issuer: str
    audience: str
    leeway: float = 30.0
    tenant_claim: str = "tenant_id"
    leads_claim: str = "leads"
