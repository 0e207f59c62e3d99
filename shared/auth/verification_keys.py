"""Reads the public keys that verify tokens, from PEM or from a JWK set (RFC 7517)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.util import base64_to_int

from shared.auth.policy import ALGORITHMS, MAX_KEY_ID_LENGTH
from shared.auth.strict_json import parse_json_object

_RSA_BITS = range(2048, 8192 + 1)  # fewer can be broken (NIST SP 800-131A); more make a flood of tokens too costly
_MAX_KEYS = 64
_PUBLIC_MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y")}


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key, the algorithms that it may be used with, and its key id (`kid`), None if it has none."""

    key: RSAKey | ECKey
    algorithms: frozenset[str]
    key_id: str | None = None


def key_from_pem(pem: str, algorithms: Iterable[str]) -> VerificationKey:
    """Read a public key in PEM; raises ValueError, without repeating the key, if it fits none of `algorithms`."""
    if "PRIVATE KEY" in pem:
        raise ValueError("is a private key: it stays with who signs the tokens, give the public one")
    try:
        raw = load_pem_public_key(pem.encode())
    except (ValueError, TypeError, ArithmeticError) as exc:
        raise ValueError("is not a public key in PEM: it begins with -----BEGIN PUBLIC KEY-----") from exc
    key: RSAKey | ECKey
    if isinstance(raw, RSAPublicKey):
        if raw.key_size not in _RSA_BITS:
            raise ValueError(f"is an RSA key of {raw.key_size} bits: 2048 to 8192 are taken")
        key = RSAKey.import_key(raw)
    elif isinstance(raw, EllipticCurvePublicKey):
        key = ECKey.import_key(raw)
    else:
        raise ValueError("is a key of a type that is not taken: RSA and EC are")  # noqa: TRY004  # a wrong setting
    usable = _usable_algorithms(key, algorithms)
    if not usable:
        raise ValueError(f"does not fit JWT_ALGORITHM: none of {', '.join(sorted(algorithms))} uses such a key")
    return VerificationKey(key, usable)


def keys_from_set(body: bytes, algorithms: Iterable[str]) -> tuple[VerificationKey, ...]:
    """Read a JWK set; unusable keys are skipped, and at most 64 are kept.

    Raises ValueError if it is not a JWK set, or has no key that fits one of `algorithms`.
    """
    jwks = parse_json_object(body).get("keys")
    if not isinstance(jwks, list):
        raise ValueError("not a JWK set")  # noqa: TRY004  # a wrong text
    keys = [key for jwk in jwks if isinstance(jwk, dict) and (key := _from_jwk(jwk, algorithms))]
    if not keys:
        raise ValueError("no usable key in the set")
    return tuple(keys[:_MAX_KEYS])


def _from_jwk(jwk: Mapping[str, Any], algorithms: Iterable[str]) -> VerificationKey | None:
    """Return a key for signatures, made of the JWK's public members only, or None if it is unusable."""
    key_id, operations = jwk.get("kid"), jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return None
    if key_id is not None and not (isinstance(key_id, str) and len(key_id) <= MAX_KEY_ID_LENGTH):
        return None
    try:
        key = _public_key(jwk)
    except (JoseError, ValueError, TypeError, KeyError, ArithmeticError):
        return None
    usable = _usable_algorithms(key, algorithms) & frozenset(
        [jwk.get("alg")] if isinstance(jwk.get("alg"), str) else ALGORITHMS
    )
    return VerificationKey(key, usable, key_id) if usable else None


def _public_key(jwk: Mapping[str, Any]) -> RSAKey | ECKey:
    kind = jwk["kty"]
    public = {"kty": kind} | {member: jwk[member] for member in _PUBLIC_MEMBERS[kind]}
    if kind == "EC":
        return ECKey.import_key(public)
    if base64_to_int(jwk["n"]).bit_length() not in _RSA_BITS:
        raise ValueError("too short or too long")
    return RSAKey.import_key(public)


def _usable_algorithms(key: RSAKey | ECKey, algorithms: Iterable[str]) -> frozenset[str]:
    kind = (key.key_type, key.curve_name if isinstance(key, ECKey) else None)
    return frozenset(name for name in algorithms if ALGORITHMS[name] == kind)
