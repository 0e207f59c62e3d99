"""Tokens for tests, signed with a key that is made once a process."""

import time
from functools import cache

from joserfc import jwt
from joserfc.jwk import RSAKey

ISSUER = "https://login.example.com/"
AUDIENCE = "roomtone"


@cache
def signing_key() -> RSAKey:
    """The issuer's key."""
    return RSAKey.generate_key(2048)


def token_settings() -> dict[str, object]:
    """Settings with which a service takes what `mint` makes."""
    return {
        "main_service_jwt_public_key": signing_key().as_pem(private=False).decode(),
        "expected_jwt_issuer": ISSUER,
        "expected_jwt_audience": AUDIENCE,
    }


def good_claims(**claims: object) -> dict[str, object]:
    """The claims of a token that holds for an hour, changed by `claims`; None leaves one out."""
    now = int(time.time())
    whole = {"iss": ISSUER, "aud": AUDIENCE, "exp": now + 3600, "iat": now, "sub": "tester", **claims}
    return {name: value for name, value in whole.items() if value is not None}


def mint(**claims: object) -> str:
    """Return a token: `mint(tenant_id="acme", scope="audio:read", leads=["7"])`."""
    return jwt.encode({"alg": "RS256"}, good_claims(**claims), signing_key())


def bearer(**claims: object) -> dict[str, str]:
    """Return the header that carries such a token."""
    return {"Authorization": f"Bearer {mint(**claims)}"}
