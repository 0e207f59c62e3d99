"""Stored recordings, their `audio.ready` events, and the events that the analyzer publishes."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace

import numpy as np

from shared.audio.flac import encode_flac
from shared.audio.wav import wav_header
from shared.domain.envelope import Envelope, make_envelope
from shared.domain.events import AudioReady, Event, StoredChannels
from shared.domain.identifiers import SessionKey
from shared.domain.subjects import STREAM, event_subject
from shared.messaging.bus import Bus, last_event
from shared.observability.trace import new_trace
from shared.storage.object_store import ObjectStore
from tests.integration.shared.test_decode import POLICY
from tests.waiting import until


def wav_of(pcm: bytes) -> bytes:
    return wav_header(len(pcm)) + pcm


def ready(session: str, wav: bytes) -> Envelope:
    """Return the event that the assembler publishes when a WAV is stored."""
    digest = hashlib.sha256(wav).hexdigest()
    audio = AudioReady(
        url=f"http://store/audio_{session}.wav",
        filename=f"audio_{session}.wav",
        object_key=f"audio_{session}.wav",
        size_bytes=len(wav),
        sha256=digest,
        duration_seconds=(len(wav) - 44) / 32000,
        manifest_sha256=digest,
    )
    return make_envelope("assembler", SessionKey("default", session), audio, cause=digest, trace=new_trace("a-request"))


async def put(store: ObjectStore, session: str, wav: bytes) -> Envelope:
    await store.put(f"audio_{session}.wav", wav, content_type="audio/wav", metadata={})
    return ready(session, wav)


async def put_channels(store: ObjectStore, session: str, left: bytes, right: bytes) -> Envelope:
    """Store both channels as the assembler does, and a WAV that nothing can be understood from."""
    both = np.stack((np.frombuffer(left, "<i2"), np.frombuffer(right, "<i2")), axis=1).tobytes()

    async def samples() -> AsyncIterator[bytes]:
        yield both

    flac = b"".join([piece async for piece in encode_flac(samples(), POLICY)])
    key = f"channels_{session}.flac"
    await store.put(key, flac, content_type="audio/flac", metadata={})
    names, digest = ("left", "right"), hashlib.sha256(flac).hexdigest()
    channels = StoredChannels(object_key=key, size_bytes=len(flac), sha256=digest, names=names)
    job = await put(store, session, wav_of(bytes(len(left))))
    assert isinstance(job.event, AudioReady)
    return replace(job, event=replace(job.event, channels=channels))


async def outcome(bus: Bus, job: Envelope, kind: type[Event]) -> Envelope:
    published = await until(lambda: last_event(bus, job.key, kind), within=60, what=f"{kind.NAME} of {job.key.session}")
    assert published is not None
    return published


async def times_published(bus: Bus, job: Envelope, kind: type[Event]) -> int:
    subject = event_subject(job.key, kind.NAME)
    info = await bus.jetstream.stream_info(STREAM, subjects_filter=subject)
    return (info.state.subjects or {}).get(subject, 0)
