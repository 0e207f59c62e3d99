"""The audit finds each kind of damage to a recording."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.domain.manifest import Chunk, Manifest
from tests.chaos.audit import audit_chunks
from tests.chaos.result import RunResult
from tests.chaos.scripted_session import ScriptedSession, random_session, sha256


def acknowledged_call(*, indexed: bool = True, header: bool = False) -> ScriptedSession:
    """Draw calls until one is of that kind, and acknowledge all its chunks."""
    rng = random.Random(1)  # noqa: S311  # the same each time
    while True:
        call = random_session("call", rng)
        if call.indexed == indexed and bool(call.header) == header:
            for index, chunk in enumerate(call.chunks):
                assert call.acknowledge(index, chunk) is None
            return call


def manifest_of(call: ScriptedSession, chunks: list[bytes]) -> Manifest:
    return Manifest(
        tenant="default",
        session=call.session,
        chunks=tuple(Chunk(index=index, size=len(chunk), sha256=sha256(chunk)) for index, chunk in enumerate(chunks)),
        request_id="",
        traceparent="",
        finalized_at="",
    )


def audited(call: ScriptedSession, chunks: list[bytes], samples: bytes) -> RunResult:
    result = RunResult()
    audit_chunks(call, manifest_of(call, chunks), samples, result)
    return result


@pytest.mark.parametrize("header", [False, True])
def test_an_undamaged_recording_passes(header: bool) -> None:  # noqa: FBT001
    call = acknowledged_call(header=header)
    result = audited(call, call.chunks, b"".join(call.chunks)[call.header :])
    assert (result.lost, result.violations) == (0, [])


def test_a_chunk_appended_twice_after_a_lost_response_passes() -> None:
    call = acknowledged_call(indexed=False)
    chunks = [*call.chunks, call.chunks[-1]]
    assert audited(call, chunks, b"".join(chunks)).violations == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda chunks: [chunks[1], chunks[0], *chunks[2:]],
        lambda chunks: [chunks[0][:-2] + b"\xff\x7f", *chunks[1:]],
        lambda chunks: chunks[1:],
        lambda chunks: chunks[:-1],
    ],
    ids=["swapped", "changed", "first missing", "last missing"],
)
def test_a_wav_that_is_not_what_was_acknowledged_is_found(damage: Callable[[list[bytes]], list[bytes]]) -> None:
    call = acknowledged_call()
    assert audited(call, call.chunks, b"".join(damage(call.chunks))).lost > 0


def test_a_manifest_without_an_acknowledged_chunk_is_found() -> None:
    call = acknowledged_call()
    remaining = call.chunks[:-1]
    assert audited(call, remaining, b"".join(remaining)).lost == 1


def test_a_manifest_with_a_gap_is_found() -> None:
    call = acknowledged_call()
    manifest = manifest_of(call, call.chunks)
    manifest = replace(manifest, chunks=(*manifest.chunks[:-1], replace(manifest.chunks[-1], index=99)))
    result = RunResult()
    audit_chunks(call, manifest, b"".join(call.chunks), result)
    assert "call was finalized with gaps" in result.violations


def test_two_acknowledged_contents_of_one_index_are_found() -> None:
    call = acknowledged_call()
    assert call.acknowledge(0, b"something else") is not None
