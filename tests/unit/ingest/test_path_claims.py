"""A recording's path belongs to one session, however many finalize in the same second."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.ingest.session_state.path_claims import ObjectPathClaims
from shared.domain.errors import RateLimited
from shared.domain.identifiers import SessionKey

CALL = "123e4567-e89b-12d3-a456-426614174000"


def test_concurrent_claims_get_a_second_each_and_a_repeated_one_keeps_its_own(tmp_path: Path) -> None:
    keys = [SessionKey("default", f"s{number}") for number in range(20)]
    claims = [ObjectPathClaims(tmp_path), ObjectPathClaims(tmp_path)]  # like two processes that share the spool
    before = int(time.time())
    with ThreadPoolExecutor(8) as pool:
        seconds = list(pool.map(lambda number: claims[number % 2].claim(keys[number], CALL), range(20)))
    assert len(set(seconds)) == 20
    assert all(before <= second <= before + 30 for second in seconds)
    again = claims[0].claim(SessionKey("default", "again"), CALL)
    assert claims[1].claim(SessionKey("default", "again"), CALL) in {again, again + 1}


def test_other_calls_and_other_tenants_claim_independently(tmp_path: Path) -> None:
    claims = ObjectPathClaims(tmp_path)
    for tenant, call in (("a", CALL), ("b", CALL), ("a", CALL[::-1])):
        assert claims.claim(SessionKey(tenant, f"{tenant}{call}"), call) <= int(time.time())


def test_a_call_with_dozens_of_recordings_in_a_second_is_rate_limited(tmp_path: Path) -> None:
    claims = ObjectPathClaims(tmp_path)
    with pytest.raises(RateLimited):
        [claims.claim(SessionKey("default", f"s{number}"), CALL) for number in range(200)]


def test_claims_are_removed_an_hour_after_their_second(tmp_path: Path) -> None:
    claims = ObjectPathClaims(tmp_path)
    assert claims.sweep() == 0  # before there is any claim
    second = claims.claim(SessionKey("default", "s"), CALL)
    old = tmp_path / "default" / f"{CALL}_{second - 4000}"
    os.link(tmp_path / "default" / f"{CALL}_{second}", old)
    assert claims.sweep() == 1
    assert [path.name for path in (tmp_path / "default").iterdir()] == [f"{CALL}_{second}"]
