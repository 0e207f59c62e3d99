"""A published JWK set: keys are found by their id, fetched rarely, and cached while the provider is unreachable."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from secrets import token_urlsafe

import pytest
from joserfc.jwk import ECKey, OctKey

from shared.auth.jwt_authenticator import JwtAuthenticator
from shared.auth.jwt_config import JwksCachePolicy
from shared.auth.key_sources import JwksKeySource
from shared.auth.policy import TokenPolicy
from shared.domain.errors import NotAuthenticated, Unavailable
from shared.observability.metrics import Metrics
from tests.integration.shared.jwks_server import JwksServer, rsa_key, token_by
from tests.tokens import AUDIENCE, ISSUER
from tests.waiting import until

POLICY = TokenPolicy(algorithms=frozenset({"RS256", "ES256"}), issuer=ISSUER, audience=AUDIENCE)
FIRST, SECOND = rsa_key("first"), rsa_key("second")


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def provider() -> AsyncIterator[JwksServer]:
    provider = JwksServer()
    provider.publish(FIRST)
    async with provider.serving():
        yield provider


@pytest.fixture
async def authenticator(provider: JwksServer, clock: Clock) -> AsyncIterator[JwtAuthenticator]:
    keys = JwksKeySource(provider.url, POLICY.algorithms, JwksCachePolicy(timeout=0.5), clock=clock)
    authenticator = JwtAuthenticator(POLICY, keys, Metrics())
    async with authenticator.lifespan():
        yield authenticator


async def rejected(authenticator: JwtAuthenticator, token: str) -> bool:
    try:
        await authenticator.authenticate_token(token)
    except NotAuthenticated:
        return True
    return False


async def test_a_key_is_fetched_once_for_a_hundred_callers_at_once(
    provider: JwksServer, authenticator: JwtAuthenticator
) -> None:
    token = token_by(FIRST, tenant_id="acme")
    callers = await asyncio.gather(*(authenticator.authenticate_token(token) for _ in range(100)))
    assert {caller.tenant for caller in callers} == {"acme"}
    assert provider.fetches == 1


async def test_a_new_key_is_found_by_its_id_after_the_interval_between_fetches(
    provider: JwksServer, authenticator: JwtAuthenticator, clock: Clock
) -> None:
    await authenticator.authenticate_token(token_by(FIRST))
    provider.publish(FIRST, SECOND)
    assert await rejected(authenticator, token_by(SECOND))
    clock.now += 11
    await authenticator.authenticate_token(token_by(SECOND))
    await authenticator.authenticate_token(token_by(FIRST))
    assert provider.fetches == 2


async def test_a_key_that_was_withdrawn_no_longer_verifies_tokens(
    provider: JwksServer, authenticator: JwtAuthenticator, clock: Clock
) -> None:
    await authenticator.authenticate_token(token_by(FIRST))
    provider.publish(SECOND)
    clock.now += 601
    await authenticator.authenticate_token(token_by(FIRST))  # verified at once, while the set is fetched again
    await until(lambda: provider.fetches == 2)
    await until(lambda: rejected(authenticator, token_by(FIRST)))
    await authenticator.authenticate_token(token_by(SECOND))


async def test_a_thousand_unknown_key_ids_cost_one_fetch_from_the_configured_address(
    provider: JwksServer, authenticator: JwtAuthenticator, clock: Clock
) -> None:
    await authenticator.authenticate_token(token_by(FIRST))
    clock.now += 11
    flood = [token_by(FIRST, key_id=token_urlsafe(8)) for _ in range(1000)]
    assert all(await asyncio.gather(*(rejected(authenticator, token) for token in flood)))
    assert provider.fetches == 2
    assert provider.paths == {"/keys"}
    await authenticator.authenticate_token(token_by(FIRST))


async def test_cached_keys_are_used_for_a_day_while_the_provider_fails(
    provider: JwksServer, authenticator: JwtAuthenticator, clock: Clock
) -> None:
    await authenticator.authenticate_token(token_by(FIRST))
    provider.status = 500
    for _ in range(3):
        clock.now += 3600
        await authenticator.authenticate_token(token_by(FIRST))
    await until(lambda: provider.fetches > 1)
    clock.now += 24 * 3600
    with pytest.raises(Unavailable):
        await authenticator.authenticate_token(token_by(FIRST))
    provider.status = 200
    clock.now += 11
    await authenticator.authenticate_token(token_by(FIRST))


def redirecting(provider: JwksServer) -> None:
    provider.status, provider.headers = 302, f"Location: {provider.url}/elsewhere\r\n".encode()


def silent(provider: JwksServer) -> None:
    provider.responding.clear()


def huge(provider: JwksServer) -> None:
    provider.body = provider.body[:-1] + b', "filler": "' + b"x" * 256 * 1024 + b'"}'


def compressed(provider: JwksServer) -> None:
    provider.body, provider.headers = gzip.compress(provider.body), b"Content-Encoding: gzip\r\n"


def sending(body: bytes) -> Callable[[JwksServer], None]:
    def send(provider: JwksServer) -> None:
        provider.body = body

    return send


FAILURES: dict[str, Callable[[JwksServer], None]] = {
    "redirects": redirecting,
    "never responds": silent,
    "sends too much": huge,
    "compresses its response": compressed,
    "responds with an error": lambda provider: setattr(provider, "status", 503),
    "sends nothing": sending(b""),
    "sends HTML": sending(b"<html>"),
    "sends a list": sending(b"[]"),
    "sends no keys": sending(b'{"keys": []}'),
    "sends keys of text": sending(b'{"keys": ["a", 1, null, {}]}'),
    "sends deeply nested lists": sending(b'{"keys":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
}


@pytest.mark.parametrize("failure", FAILURES)
async def test_while_the_provider_fails_no_token_is_accepted_and_none_is_rejected(
    provider: JwksServer, authenticator: JwtAuthenticator, clock: Clock, failure: str
) -> None:
    FAILURES[failure](provider)
    with pytest.raises(Unavailable):
        await authenticator.authenticate_token(token_by(FIRST))
    with pytest.raises(Unavailable):
        await authenticator.authenticate_token(token_by(FIRST))
    assert (provider.fetches, provider.paths) == (1, {"/keys"})
    provider.responding.set()
    provider.status, provider.headers = 200, b""
    provider.publish(FIRST)
    clock.now += 11
    await authenticator.authenticate_token(token_by(FIRST))


async def test_unusable_keys_are_skipped(provider: JwksServer, authenticator: JwtAuthenticator) -> None:
    elliptic = ECKey.generate_key("P-256", {"kid": "elliptic"})
    secret = OctKey.generate_key(256, {"kid": "first"}).as_dict()
    good = FIRST.as_dict(private=False)
    provider.body = json.dumps(
        {
            "keys": [
                secret,
                secret | {"alg": "RS256", "kty": "RSA"},
                good | {"use": "enc"},
                good | {"alg": "RS512"},
                good | {"alg": "HS256"},
                good | {"key_ops": ["encrypt"]},
                good | {"kid": 1},
                good | {"n": "AQAB"},
                good | {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"},
                good | {"kty": ["RSA"]},
                SECOND.as_dict(private=True),
                elliptic.as_dict(private=False),
            ]
        }
    ).encode()
    assert await rejected(authenticator, token_by(FIRST))
    await authenticator.authenticate_token(token_by(SECOND))
    await authenticator.authenticate_token(token_by(elliptic, algorithm="ES256"))
    assert provider.fetches == 1


async def test_a_token_without_a_key_id_is_verified_with_every_key(
    provider: JwksServer, authenticator: JwtAuthenticator
) -> None:
    provider.publish(FIRST, SECOND)
    await authenticator.authenticate_token(token_by(SECOND, key_id=None))
    assert await rejected(authenticator, token_by(rsa_key("third"), key_id=None))


async def test_a_token_that_no_key_could_verify_costs_no_fetch(
    provider: JwksServer, authenticator: JwtAuthenticator
) -> None:
    for token in ("x", "a.b.c", token_by(FIRST, key_id="k" * 257)):
        assert await rejected(authenticator, token)
    assert provider.fetches == 0
