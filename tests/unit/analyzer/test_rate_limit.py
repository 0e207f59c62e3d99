"""The rate limit of one caller."""

import pytest

from services.analyzer.rate_limit import RateLimit, rate_limit_key
from shared.domain.caller import ANONYMOUS, Caller
from shared.domain.errors import RateLimited


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def taken(limit: RateLimit, key: str, times: int) -> int:
    """Return how many of `times` requests are allowed."""
    let_through = 0
    for _ in range(times):
        try:
            limit.take(key)
        except RateLimited:
            continue
        let_through += 1
    return let_through


def test_a_minutes_worth_may_come_at_once_and_then_steadily() -> None:
    clock = Clock()
    limit = RateLimit(6, clock)
    assert taken(limit, "a", 10) == 6
    clock.now += 9
    assert taken(limit, "a", 10) == 0
    clock.now += 1
    assert taken(limit, "a", 10) == 1
    clock.now += 3600
    assert taken(limit, "a", 10) == 6


def test_a_request_after_the_announced_wait_is_allowed() -> None:
    clock = Clock()
    limit = RateLimit(7, clock)
    taken(limit, "a", 7)
    clock.now += 0.001
    with pytest.raises(RateLimited) as rejected:
        limit.take("a")
    clock.now += rejected.value.retry_after
    limit.take("a")


def test_callers_do_not_use_up_each_others_rate() -> None:
    limit = RateLimit(2, Clock())
    assert [taken(limit, key, 3) for key in "ab"] == [2, 2]


def test_zero_is_no_limit() -> None:
    assert taken(RateLimit(0, Clock()), "a", 1000) == 1000


def test_the_number_of_buckets_is_limited_and_an_active_caller_keeps_its_own() -> None:
    limit = RateLimit(1, Clock())
    taken(limit, "seldom", 1)
    taken(limit, "often", 1)
    for number in range(20_000):
        limit.take(f"one of many {number}")
        assert number % 1000 or taken(limit, "often", 1) == 0
    assert len(limit._buckets) == 10_000
    assert taken(limit, "seldom", 1) == 1


def test_anonymous_callers_are_counted_by_ipv4_address_or_ipv6_network() -> None:
    def name(address: str | None) -> str:
        return rate_limit_key(ANONYMOUS, address)

    assert name("192.0.2.1") != name("192.0.2.2")
    assert name("2001:db8:0:1::1") == name("2001:db8:0:1:ffff::2") != name("2001:db8:0:2::1")
    assert name("::ffff:192.0.2.1") == name("192.0.2.1")
    assert name(None) == name("") == "unknown"


def test_callers_with_a_token_are_counted_by_tenant_and_subject_whatever_their_address() -> None:
    bearer = Caller("acme", subject="ann", expires=9e9)
    assert rate_limit_key(bearer, "192.0.2.1") == rate_limit_key(bearer, "192.0.2.2") == "acme/ann"
    assert rate_limit_key(Caller("acme", subject="bob", expires=9e9), None) == "acme/bob"
