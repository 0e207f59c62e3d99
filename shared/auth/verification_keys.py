"""A public key that may verify tokens, out of a PEM or a JWK (RFC 7517)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.util import base64_to_int

from shared.auth.policy import ALGORITHMS, MAX_KEY_ID
from shared.auth.strict_json import parse_json_object

_RSA_BITS = range(2048, 8192 + 1)  # fewer can be broken (NIST SP 800-131A); more cost us what a flood of tokens wants
_MAX_KEYS = 64
_PUBLIC_MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y")}


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A key, the algorithms it may be used with, and its name; None if it has none."""

    key: RSAKey | ECKey
    algorithms: frozenset[str]
    name: str | None = None


def key_from_pem(pem: str, algorithms: Iterable[str]) -> VerificationKey:
    """Read a public key in PEM; raises ValueError, without repeating it, when it can't verify any of `algorithms`."""
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
    fitting = _usable_algorithms(key, algorithms)
    if not fitting:
        raise ValueError(f"does not fit JWT_ALGORITHM: none of {', '.join(sorted(algorithms))} uses such a key")
    return VerificationKey(key, fitting)


def keys_from_set(body: bytes, algorithms: Iterable[str]) -> tuple[VerificationKey, ...]:
    """Read a JWK set; keys that are no use to us are passed over, 64 are kept at most.

    Raises ValueError for what is no JWK set, or is one without any key that can verify one of `algorithms`.
    """
    listed = parse_json_object(body).get("keys")
    if not isinstance(listed, list):
        raise ValueError("not a JWK set")  # noqa: TRY004  # a wrong text
    keys = [key for jwk in listed if isinstance(jwk, dict) and (key := _from_jwk(jwk, algorithms))]
    if not keys:
        raise ValueError("no usable key in the set")
    return tuple(keys[:_MAX_KEYS])


def _from_jwk(jwk: Mapping[str, Any], algorithms: Iterable[str]) -> VerificationKey | None:
    """Return a key for signatures, made of its public members alone, or None."""
    name, operations = jwk.get("kid"), jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return None
    if name is not None and not (isinstance(name, str) and len(name) <= MAX_KEY_ID):
        return None
    try:
        key = _public_key(jwk)
    except (JoseError, ValueError, TypeError, KeyError, ArithmeticError):
        return None
    fitting = _usable_algorithms(key, algorithms) & frozenset(
        [jwk.get("alg")] if isinstance(jwk.get("alg"), str) else ALGORITHMS
    )
    return VerificationKey(key, fitting, name) if fitting else None


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
