"""Headers that must not authenticate: made with real keys, and most of them valid except for one point."""

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import cache

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256, SHA512, HashAlgorithm
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from tests.tokens import AUDIENCE, ISSUER, good_claims, mint, signing_key

Headers = list[bytes]
Case = Callable[[], Headers]

_DAY = 24 * 3600

RS256 = {"alg": "RS256", "typ": "JWT"}


@cache
def foreign_key() -> RSAKey:
    """An attacker's own key."""
    return RSAKey.generate_key(2048)


def encoded(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: object, payload: object, *, key: RSAKey | None = None, digest: HashAlgorithm | None = None) -> str:
    """Sign any header and payload as RS256 does, by default with the issuer's own key."""
    text = f"{encoded(header)}.{encoded(payload)}"
    private = (key or signing_key()).private_key
    assert private is not None
    return f"{text}.{encoded(private.sign(text.encode(), PKCS1v15(), digest or SHA256()))}"


def hashed(header: object, secret: bytes) -> str:
    text = f"{encoded(header)}.{encoded(good_claims())}"
    return f"{text}.{encoded(hmac.digest(secret, text.encode(), hashlib.sha256))}"


def unsigned(algorithm: str, signature: str = "") -> str:
    return f"{encoded({'alg': algorithm})}.{encoded(good_claims())}.{signature}"


def public_key() -> bytes:
    return signing_key().as_pem(private=False)


def bearing(token: str) -> Headers:
    return [b"Authorization: Bearer " + token.encode()]


def _with_header(**members: object) -> Case:
    return lambda: bearing(signed(RS256 | members, good_claims()))


def _with_own_key(**members: object) -> Case:
    return lambda: bearing(signed(RS256 | members, good_claims(), key=foreign_key()))


def _with_claims(**claims: object) -> Case:
    return lambda: bearing(mint(**claims))


def _with_text(name: str, value: str) -> Case:
    """Give one claim as JSON text that Python's own encoder may not write."""

    def case() -> Headers:
        claims = good_claims(**{name: None})
        return bearing(signed(RS256, json.dumps(claims)[:-1].encode() + f', "{name}": {value}}}'.encode()))

    return case


def _soon(seconds: float) -> int:
    return int(time.time() + seconds)


def _edited(edit: Callable[[str, str, str], str]) -> Case:
    return lambda: bearing(edit(*mint().split(".")))


def _elliptic() -> Headers:
    key = ECKey.generate_key("P-256")
    return bearing(jws.serialize_compact({"alg": "ES256"}, json.dumps(good_claims()), key))


def _in_another_form() -> Headers:
    protected, payload, signature = mint().split(".")
    return bearing(encoded({"protected": protected, "payload": payload, "signature": signature}))


ALGORITHMS: dict[str, Case] = {
    "none": lambda: bearing(unsigned("none")),
    "none, with a signature": lambda: bearing(unsigned("none", "AAAA")),
    "None": lambda: bearing(unsigned("None")),
    "NONE": lambda: bearing(unsigned("NONE")),
    "no algorithm": lambda: bearing(signed({"typ": "JWT"}, good_claims())),
    "empty algorithm": lambda: bearing(signed({"alg": ""}, good_claims())),
    "algorithm is a list": lambda: bearing(signed({"alg": ["RS256"]}, good_claims())),
    "algorithm is null": lambda: bearing(signed({"alg": None}, good_claims())),
    "algorithm in lower case": lambda: bearing(signed({"alg": "rs256"}, good_claims())),
    "HS256 with the public key": lambda: bearing(hashed({"alg": "HS256"}, public_key())),
    "HS256 with the public key, stripped": lambda: bearing(hashed({"alg": "HS256"}, public_key().strip())),
    "HS256 with an empty secret": lambda: bearing(hashed({"alg": "HS256"}, b"")),
    "said RS256, made HS256": lambda: bearing(hashed(RS256, public_key())),
    "RS512, not allowed": lambda: bearing(signed({"alg": "RS512"}, good_claims(), digest=SHA512())),
    "ES256, not allowed": _elliptic,
    "none first, then RS256": lambda: bearing(signed(b'{"alg":"none","alg":"RS256"}', good_claims())),
}

KEYS: dict[str, Case] = {
    "a foreign key": _with_own_key(),
    "jwk of its own": lambda: _with_own_key(jwk=foreign_key().as_dict(private=False))(),  # noqa: PLW0108  # made late
    "jwk beside a good signature": lambda: _with_header(jwk=signing_key().as_dict(private=False))(),  # noqa: PLW0108  # made late
    "jku": _with_own_key(jku="https://evil.example/keys"),
    "jku on this machine": _with_own_key(jku="http://127.0.0.1:1/keys"),
    "x5u": _with_own_key(x5u="https://evil.example/certificate"),
    "x5c": _with_own_key(x5c=["AAAA"]),
    "kid that leads elsewhere": _with_own_key(kid="../../../dev/null"),
    "kid that leads to a file": _with_own_key(kid="/etc/passwd"),
    "kid with SQL": _with_own_key(kid="x' UNION SELECT 'key' --"),
    "kid that is an address": _with_own_key(kid="http://evil.example/key"),
    "kid with NUL": _with_own_key(kid="a\0b"),
    "kid of 257 characters": _with_header(kid="k" * 257),
    "kid is a number": _with_header(kid=1),
    "kid is a list": _with_header(kid=["a"]),
    "kid is an object": _with_header(kid={"a": 1}),
}

HEADERS: dict[str, Case] = {
    "unknown crit": _with_header(crit=["exp"], exp=1),
    "crit that is absent": _with_header(crit=["absent"]),
    "empty crit": _with_header(crit=[]),
    "crit is text": _with_header(crit="alg"),
    "b64 false": _with_header(b64=False),
    "b64 false, and critical": _with_header(b64=False, crit=["b64"]),
    "header is a list": lambda: bearing(signed(["alg", "RS256"], good_claims())),
    "header is text": lambda: bearing(signed("alg RS256", good_claims())),
    "header is a number": lambda: bearing(signed(1, good_claims())),
    "header is not JSON": lambda: bearing(signed(b"{alg:RS256}", good_claims())),
    "header is not UTF-8": lambda: bearing(signed(b'{"alg":"RS256","x":"\xff"}', good_claims())),
    "header in UTF-16": lambda: bearing(signed(json.dumps(RS256).encode("utf-16"), good_claims())),
    "header nested deeply": lambda: bearing(signed(b'{"alg":"RS256","x":' + b"[" * 5000 + b"]" * 5000 + b"}", {})),
}

CLAIMS: dict[str, Case] = {
    "aud of another": _with_claims(aud="another"),
    "aud is a list without ours": _with_claims(aud=["another", AUDIENCE.upper()]),
    "aud is an empty list": _with_claims(aud=[]),
    "aud is a list with a number": _with_claims(aud=[AUDIENCE, 7]),
    "aud is a list in a list": _with_claims(aud=[[AUDIENCE]]),
    "no aud": _with_claims(aud=None),
    "empty aud": _with_claims(aud=""),
    "aud in capitals": _with_claims(aud=AUDIENCE.upper()),
    "aud with a space": _with_claims(aud=f"{AUDIENCE} "),
    "aud is an object": _with_claims(aud={AUDIENCE: 1}),
    "iss of another": _with_claims(iss="https://evil.example/"),
    "iss without its slash": _with_claims(iss=ISSUER.rstrip("/")),
    "iss is a list": _with_claims(iss=[ISSUER]),
    "no iss": _with_claims(iss=None),
    "no exp": _with_claims(exp=None),
    "exp long ago": _with_claims(exp=1),
    "exp before the leeway": _with_claims(exp=_soon(-31)),
    "exp below zero": _with_claims(exp=-1),
    "exp is text": _with_claims(exp=str(_soon(_DAY))),
    "exp is true": _with_claims(exp=True),
    "exp is null": _with_text("exp", "null"),
    "exp is a list": _with_claims(exp=[_soon(_DAY)]),
    "exp is NaN": _with_text("exp", "NaN"),
    "exp is Infinity": _with_text("exp", "Infinity"),
    "exp is 1e999": _with_text("exp", "1e999"),
    "exp in milliseconds": _with_claims(exp=_soon(_DAY) * 1000),
    "exp of 5000 digits": _with_text("exp", "9" * 5000),
    "exp twice": _with_text("exp", f'1, "exp": {_soon(_DAY)}'),
    "nbf ahead": _with_claims(nbf=_soon(_DAY)),
    "nbf is text": _with_claims(nbf="0"),
    "nbf is true": _with_claims(nbf=True),
    "nbf is NaN": _with_text("nbf", "NaN"),
    "nbf is null": _with_text("nbf", "null"),
    "iat ahead": _with_claims(iat=_soon(_DAY)),
    "iat is text": _with_claims(iat="now"),
    "tenant with a slash": _with_claims(tenant_id="a/b"),
    "tenant that leads elsewhere": _with_claims(tenant_id=".."),
    "tenant with a wildcard": _with_claims(tenant_id="*"),
    "tenant with a dot": _with_claims(tenant_id="a.b"),
    "empty tenant": _with_claims(tenant_id=""),
    "tenant of 129 characters": _with_claims(tenant_id="t" * 129),
    "tenant is a number": _with_claims(tenant_id=7),
    "tenant is a list": _with_claims(tenant_id=["default"]),
    "tenant is null": _with_text("tenant_id", "null"),
    "leads is text": _with_claims(leads="7"),
    "leads is a number": _with_claims(leads=7),
    "leads is null": _with_text("leads", "null"),
    "leads holds a list": _with_claims(leads=[["7"]]),
    "leads holds true": _with_claims(leads=[True]),
    "leads is an object": _with_claims(leads={"7": True}),
    "scope is a list with a number": _with_claims(scope=["audio:read", 1]),
    "scp is a number": _with_claims(scp=7),
    "scope is null": _with_text("scope", "null"),
    "payload is a list": lambda: bearing(signed(RS256, [good_claims()])),
    "payload is text": lambda: bearing(signed(RS256, "text")),
    "payload is not JSON": lambda: bearing(signed(RS256, b"exp=1")),
    "payload is not UTF-8": lambda: bearing(signed(RS256, b"\xff\xfe")),
    "payload is empty": lambda: bearing(signed(RS256, b"")),
}

FORMS: dict[str, Case] = {
    "no header": list,
    "empty value": lambda: [b"Authorization:"],
    "scheme alone": lambda: [b"Authorization: Bearer"],
    "scheme and a space": lambda: [b"Authorization: Bearer "],
    "token alone": lambda: [b"Authorization: " + mint().encode()],
    "Basic": lambda: [b"Authorization: Basic dXNlcjpwYXNz"],
    "Token": lambda: [b"Authorization: Token " + mint().encode()],
    "BearerX": lambda: [b"Authorization: BearerX " + mint().encode()],
    "no space": lambda: [b"Authorization: Bearer" + mint().encode()],
    "two spaces": lambda: [b"Authorization: Bearer  " + mint().encode()],
    "tab": lambda: [b"Authorization: Bearer\t" + mint().encode()],
    "space within": lambda: [b"Authorization: Bearer " + mint().replace(".", " .", 1).encode()],
    "comma behind": lambda: [b"Authorization: Bearer " + mint().encode() + b","],
    "two with a comma": lambda: [b"Authorization: Bearer " + mint().encode() + b", Bearer " + mint().encode()],
    "in quotes": lambda: [b'Authorization: Bearer "' + mint().encode() + b'"'],
    "two headers": lambda: bearing(mint()) * 2,
    "two headers, the first one Basic": lambda: [b"Authorization: Basic eDp5", *bearing(mint())],
    "two headers, one of them empty": lambda: [b"Authorization:", *bearing(mint())],
    "two headers, one in lower case": lambda: [*bearing(mint()), b"authorization: Bearer x"],
    "another header": lambda: [b"X-Authorization: Bearer " + mint().encode()],
    "proxy's header": lambda: [b"Proxy-Authorization: Bearer " + mint().encode()],
    "a cookie": lambda: [b"Cookie: token=" + mint().encode()],
    "subprotocols on plain HTTP": lambda: [b"Sec-WebSocket-Protocol: roomtone, bearer." + mint().encode()],
    "bytes beyond ASCII": lambda: [b"Authorization: Bearer \xc3\xa9.\xc3\xa9.\xc3\xa9"],
    "17 KiB": lambda: bearing(mint(filler="x" * 13_000)),
    "60 KiB": lambda: [b"Authorization: Bearer " + b"x" * 60_000],
    "one dot": _edited(lambda header, payload, _signature: f"{header}.{payload}"),
    "three dots": _edited(lambda *parts: ".".join([*parts, "AAAA"])),
    "only dots": lambda: bearing(".."),
    "five parts": _edited(lambda *parts: ".".join([*parts, "AAAA", "AAAA"])),
    "no signature": _edited(lambda header, payload, _signature: f"{header}.{payload}."),
    "short signature": _edited(lambda *parts: ".".join(parts)[:-8]),
    "another token's signature": lambda: bearing(
        f"{mint(tenant_id='acme').rpartition('.')[0]}.{mint().rpartition('.')[2]}"
    ),
    "padding": _edited(lambda *parts: ".".join(part + "=" for part in parts)),
    "standard base64": _edited(lambda header, payload, _signature: f"{header}.{payload}.++//"),
    "payload changed": _edited(
        lambda header, _payload, signature: f"{header}.{encoded(good_claims(tenant_id='acme'))}.{signature}"
    ),
    "JSON serialization": _in_another_form,
}

CASES: dict[str, Case] = {
    f"{group}: {name}": case
    for group, cases in {"alg": ALGORITHMS, "key": KEYS, "header": HEADERS, "claim": CLAIMS, "form": FORMS}.items()
    for name, case in cases.items()
}
