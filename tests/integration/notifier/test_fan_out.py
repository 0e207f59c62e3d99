"""Published events reach the listeners."""

import asyncio
import json
from contextlib import suppress

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from shared.messaging.bus import Bus
from tests.integration.notifier.serving import (
    WITHIN,
    Notifier,
    close_code_of,
    connect_listener,
    frame_of,
    small_buffer_socket,
)
from tests.unit.notifier.samples import AUDIO_READY, analysis, chunk, failure, happened
from tests.waiting import until


async def test_hello_is_the_first_frame_and_heartbeats_carry_the_newest_cursor(
    notifier: Notifier, bus: Bus, session: str
) -> None:
    async with connect(notifier.url, proxy=None) as client:
        hello = json.loads(await client.recv())
        await bus.publish(happened(AUDIO_READY, session=session, identity=session))
        frames = [json.loads(await asyncio.wait_for(client.recv(), WITHIN))]
        while frames[-1]["event"] != "heartbeat" or len(frames) == 1:
            frames.append(json.loads(await asyncio.wait_for(client.recv(), WITHIN)))
    assert hello["event"] == "hello"
    assert hello["heartbeat_seconds"] == 0.2
    told = next(frame for frame in frames if frame["event"] == "audio_ready")
    assert frames[-1]["id"] == told["id"] != hello["id"]


async def test_two_clients_get_a_recordings_events_and_score(notifier: Notifier, bus: Bus, session: str) -> None:
    async with connect_listener(notifier) as one, connect_listener(notifier) as two:
        await bus.publish(happened(AUDIO_READY, session=session, identity=f"{session}-1"))
        await bus.publish(happened(analysis(), session=session, identity=f"{session}-2"))
        frames_of_one = [await frame_of(one), await frame_of(one)]
        frames_of_two = [await frame_of(two), await frame_of(two)]
    assert frames_of_one == frames_of_two
    ready, scored = frames_of_one
    assert (
        ready.items()
        >= {
            "event": "audio_ready",
            "session_id": session,
            "url": AUDIO_READY.url,
            "filename": AUDIO_READY.filename,
            "size_bytes": 160044,
        }.items()
    )
    assert (scored["event"], scored["temperature"], scored["timestamp"]) == (
        "analysis_ready",
        75,
        "2025-01-27T12:34:55Z",
    )
    assert int(ready["id"]) < int(scored["id"])


async def test_filters_pass_what_they_name_and_never_another_tenants_events(
    notifier: Notifier, bus: Bus, session: str
) -> None:
    async with (
        connect_listener(notifier, f"?session_id={session}") as of_session,
        connect_listener(notifier, f"?session_id={session}&events=chunk_received,analysis_ready") as of_events,
    ):
        events = [
            happened(AUDIO_READY, session=session, tenant="acme", identity=f"{session}-0"),
            happened(AUDIO_READY, session=f"{session}-other", identity=f"{session}-1"),
            happened(chunk(3), session=session, identity=f"{session}-2"),
            happened(AUDIO_READY, session=session, identity=f"{session}-3"),
            happened(analysis(), session=session, identity=f"{session}-4"),
        ]
        for event in events:
            await bus.publish(event)
        frames_of_session = [await frame_of(of_session), await frame_of(of_session)]
        frames_of_events = [await frame_of(of_events), await frame_of(of_events)]
    assert [frame["event"] for frame in frames_of_session] == ["audio_ready", "analysis_ready"]
    assert {frame["event"] for frame in frames_of_events} == {"chunk_received", "analysis_ready"}


async def test_more_events_than_one_batch_arrive_in_order(notifier: Notifier, bus: Bus, session: str) -> None:
    async with connect_listener(notifier, f"?session_id={session}&events=audio_failed") as client:
        publishing = asyncio.gather(
            *(
                bus.publish(happened(failure(number), session=session, identity=f"{session}-{number}"))
                for number in range(600)
            )
        )
        numbers = [int((await frame_of(client))["reason"]) for _ in range(600)]
        await publishing
    assert numbers == list(range(600))


async def test_progress_comes_to_those_who_ask_with_the_newest_cursor(
    notifier: Notifier, bus: Bus, session: str
) -> None:
    query = f"?session_id={session}&events=chunk_received,audio_ready"
    async with (
        connect_listener(notifier, query) as asking,
        connect_listener(notifier, f"?session_id={session}") as other,
    ):
        await bus.publish(happened(AUDIO_READY, session=session, identity=f"{session}-0"))
        ready = await frame_of(asking)
        await bus.publish(happened(chunk(3), session=session, identity=f"{session}-1"))
        progress = await frame_of(asking)
        await bus.publish(happened(AUDIO_READY, session=session, identity=f"{session}-2"))
        assert [(await frame_of(other))["event"] for _ in range(2)] == ["audio_ready"] * 2
    assert (progress["event"], progress["chunk_index"], progress["total_chunks"]) == ("chunk_received", 3, 4)
    assert progress["total_size"] == 128_000
    assert progress["id"] == ready["id"]


async def test_a_client_that_never_reads_is_closed_with_4408_while_another_gets_every_event(
    notifier: Notifier, bus: Bus, session: str
) -> None:
    events = [
        happened(analysis("x" * 60_000), session=session, identity=f"{session}-{number}") for number in range(120)
    ]
    query = f"?session_id={session}"
    async with (
        connect_listener(notifier, query, sock=small_buffer_socket(notifier.url), max_queue=1) as idle,
        connect_listener(notifier, query) as quick,
    ):
        before = notifier.count("ws_dropped_total", reason="too_slow")
        for event in events:
            await bus.publish(event)
            assert (await frame_of(quick))["session_id"] == session
        await until(lambda: notifier.count("ws_dropped_total", reason="too_slow") > before)
        assert await close_code_of(idle) == (4408, "too_slow")


async def test_a_client_that_disconnects_frees_its_place_at_once(notifier: Notifier, bus: Bus, session: str) -> None:
    before = notifier.count("ws_connections")
    async with connect_listener(notifier) as client:
        assert notifier.count("ws_connections") == before + 1
        client.transport.abort()
    await until(lambda: notifier.count("ws_connections") == before)
    async with connect_listener(notifier) as another:
        await bus.publish(happened(AUDIO_READY, session=session, identity=session))
        assert (await frame_of(another))["session_id"] == session


async def test_messages_from_a_client_are_ignored(notifier: Notifier, bus: Bus, session: str) -> None:
    async with connect_listener(notifier) as client:
        await client.send("anything")
        await client.send(b"\x00\xff")
        await bus.publish(happened(AUDIO_READY, session=session, identity=session))
        assert (await frame_of(client))["session_id"] == session


async def test_a_message_that_is_too_big_ends_the_connection_with_1009(notifier: Notifier) -> None:
    async with connect_listener(notifier) as client:
        with suppress(ConnectionClosed):
            await client.send("x" * 2_000_000)
        code, _ = await close_code_of(client)
    assert code == 1009
