"""The lifetime of a connection's token."""

import asyncio
import time
from dataclasses import replace

import pytest

from services.notifier.token_lifetime import TokenLifetime
from shared.domain.caller import ANONYMOUS, Caller, Permission
from shared.domain.errors import NotAllowed

ACME = Caller("acme")


async def test_a_connection_without_a_token_never_expires() -> None:
    watch = asyncio.ensure_future(TokenLifetime(ANONYMOUS).watch(lambda _seconds: pytest.fail("nothing expires")))
    done, _ = await asyncio.wait([watch], timeout=0.1)
    assert not done
    watch.cancel()


async def test_an_expired_token_ends_the_wait_at_once() -> None:
    warned: list[int] = []
    await asyncio.wait_for(TokenLifetime(replace(ACME, expires=time.time() - 5)).watch(warned.append), 1)
    assert warned == [1]


async def test_the_warning_says_how_many_seconds_are_left() -> None:
    warned = asyncio.get_running_loop().create_future()
    watch = asyncio.ensure_future(
        TokenLifetime(replace(ACME, expires=1030.0), clock=lambda: 1000.0).watch(warned.set_result)
    )
    assert await asyncio.wait_for(warned, 1) == 30
    watch.cancel()


async def test_a_newer_token_extends_the_lifetime_and_is_warned_of_again() -> None:
    now = time.time()
    lifetime = TokenLifetime(replace(ACME, expires=now + 0.2))
    warned: list[int] = []
    watch = asyncio.ensure_future(lifetime.watch(warned.append))
    lifetime.renew(replace(ACME, expires=now + 20))
    done, _ = await asyncio.wait([watch], timeout=0.4)
    assert not done
    lifetime.renew(replace(ACME, expires=now))
    await asyncio.wait_for(watch, 1)
    assert warned[-2:] == [20, 1]


@pytest.mark.parametrize(
    "newer", [Caller("other"), Caller("acme", permissions=frozenset({Permission.AUDIO_READ}))], ids=["tenant", "scope"]
)
def test_a_newer_token_must_cover_what_the_connection_is_for(newer: Caller) -> None:
    with pytest.raises(NotAllowed):
        TokenLifetime(ACME).renew(newer)


def test_a_caller_without_the_permission_to_read_events_gets_no_lifetime() -> None:
    with pytest.raises(NotAllowed):
        TokenLifetime(Caller("acme", permissions=frozenset({Permission.AUDIO_WRITE})))
