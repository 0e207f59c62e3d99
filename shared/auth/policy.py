"""The rules for accepting a token, decided by settings and never by the token (RFC 8725, section 3)."""

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
"""The algorithms that settings may allow, with the type and curve of their keys (RFC 7518, section 3.1).

Symmetric ones are not among them.
"""

MAX_KEY_ID_LENGTH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPolicy:
    """The algorithms, issuer and audience that a token must have; `leeway` in seconds allows for clock skew.

    `tenant_claim` and `leads_claim` are the issuer's names of the claims with the tenant and the leads.
    """

    algorithms: frozenset[str]
    issuer: str
    audience: str
    leeway: float = 30.0
    tenant_claim: str = "tenant_id"
    leads_claim: str = "leads"
