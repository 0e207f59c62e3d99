"""Which tokens may listen, to which events, and for how long."""

import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from secrets import token_hex

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from services.notifier.settings import NotifierSettings
from shared.domain.envelope import Envelope
from shared.messaging.bus import Bus
from tests.integration.notifier.serving import Notifier, close_code_of, connect_listener, frame_of, serving_notifier
from tests.tokens import bearer, mint, token_settings
from tests.unit.notifier.samples import analysis, happened


@pytest.fixture(scope="module")
async def guarded(nats_url: str) -> AsyncIterator[Notifier]:
    settings = NotifierSettings.model_validate(
        {"nats_url": nats_url, "notify_heartbeat_seconds": 0.2, **token_settings()}
    )
    async with serving_notifier(settings) as running:
        yield running


async def close_of(
    notifier: Notifier, query: str = "", headers: Mapping[str, str] | None = None, subprotocols: Sequence[str] = ()
) -> tuple[int, str]:
    """Return the close code and reason of a connection that must not be served."""
    subprotocols_offered = [Subprotocol(name) for name in subprotocols] or None
    async with connect(
        f"{notifier.url}{query}", proxy=None, additional_headers=headers, subprotocols=subprotocols_offered
    ) as client:
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert client.subprotocol == ("roomtone" if subprotocols_offered else None)
        return client.close_code or 0, client.close_reason or ""


def completed(tenant: str, session: str, summary: str, lead: str | None = None) -> Envelope:
    return happened(analysis(summary), tenant=tenant, session=session, identity=token_hex(8), lead=lead)


async def received(client: ClientConnection, bus: Bus, session: str) -> list[str]:
    """Return the leads whose events a client gets; the last event is of no lead, which every client gets."""
    for lead in ("7", "8", None):
        await bus.publish(completed("default", session, lead or "none", lead))
    summaries = []
    while (summary := (await frame_of(client))["analysis_summary"]) != "none":
        summaries.append(summary)
    return summaries


async def renew(client: ClientConnection, token: object) -> None:
    await client.send(json.dumps({"token": token}))


async def test_without_a_token_the_connection_closes_at_once_with_4401(guarded: Notifier) -> None:
    assert await close_of(guarded) == (4401, "not_authenticated")


@pytest.mark.parametrize(
    "subprotocols",
    [
        ["roomtone"],
        ["roomtone", "bearer."],
        ["roomtone", "bearer.x"],
        ["roomtone", "bearer.a.b.c"],
    ],
)
async def test_an_invalid_token_among_the_subprotocols_closes_with_4401(
    guarded: Notifier, subprotocols: list[str]
) -> None:
    assert await close_of(guarded, subprotocols=subprotocols) == (4401, "not_authenticated")


async def test_two_tokens_close_with_4401(guarded: Notifier) -> None:
    pair = ["roomtone", f"bearer.{mint()}"]
    assert (await close_of(guarded, headers=bearer(), subprotocols=pair))[0] == 4401
    assert (await close_of(guarded, subprotocols=[*pair, f"bearer.{mint(sub='other')}"]))[0] == 4401


async def test_an_expired_token_closes_with_4401(guarded: Notifier) -> None:
    assert (await close_of(guarded, headers=bearer(exp=int(time.time()) - 3600)))[0] == 4401


async def test_a_token_that_may_not_read_events_closes_with_4403(guarded: Notifier) -> None:
    assert await close_of(guarded, headers=bearer(scope="audio:read audio:write")) == (4403, "not_allowed")


async def test_a_token_in_the_url_is_rejected_even_beside_a_valid_one(guarded: Notifier) -> None:
    for headers in ({}, bearer()):
        with pytest.raises(InvalidStatus) as error:
            async with connect(f"{guarded.url}?token={mint()}", proxy=None, additional_headers=headers):
                pass
        assert error.value.response.status_code == 400


async def test_a_foreign_page_is_rejected_with_403_even_with_a_valid_token(guarded: Notifier) -> None:
    with pytest.raises(InvalidStatus) as error:
        async with connect(guarded.url, proxy=None, additional_headers=bearer() | {"Origin": "https://evil.example"}):
            pass
    assert error.value.response.status_code == 403


async def test_plain_http_without_a_token_gets_401(guarded: Notifier) -> None:
    async with httpx.AsyncClient(base_url=guarded.base, trust_env=False) as client:
        rejected = await client.get("/notify")
        known = await client.get("/notify", headers=bearer())
    assert (rejected.status_code, rejected.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert known.status_code == 426


async def test_a_browser_listens_with_its_token_among_the_subprotocols(guarded: Notifier) -> None:
    subprotocols_offered = [Subprotocol("roomtone"), Subprotocol(f"bearer.{mint()}")]
    async with connect_listener(guarded, subprotocols=subprotocols_offered) as client:
        assert client.subprotocol == "roomtone"
        assert client.response is not None
        assert "bearer" not in str(client.response.headers)


async def test_a_caller_gets_only_its_own_tenants_events(guarded: Notifier, bus: Bus) -> None:
    session = f"s{token_hex(8)}"
    async with connect_listener(guarded, additional_headers=bearer(tenant_id="acme")) as client:
        for tenant in ("default", "acme-2", "acme"):
            await bus.publish(completed(tenant, session, f"for {tenant}"))
        assert (await frame_of(client))["analysis_summary"] == "for acme"


@pytest.mark.parametrize(
    ("leads", "expected"),
    [(None, ["7", "8"]), ("*", ["7", "8"]), (["7", "8"], ["7", "8"]), ([8], ["8"]), (["9"], []), ([], [])],
)
@pytest.mark.parametrize("named", [False, True], ids=["every session", "this session"])
async def test_a_caller_gets_events_of_its_own_leads_and_of_no_lead(
    guarded: Notifier, bus: Bus, session: str, leads: object, expected: list[str], *, named: bool
) -> None:
    query = f"?session_id={session}" if named else ""
    async with connect_listener(guarded, query, additional_headers=bearer(leads=leads)) as client:
        assert await received(client, bus, session) == expected


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [((None, ["8"]), ["8"]), ((["7"], ["8"]), ["8"]), ((["7", "8"], []), []), ((["7"], "*"), ["7", "8"])],
)
async def test_a_new_token_brings_its_own_leads_and_no_others(
    guarded: Notifier, bus: Bus, session: str, tokens: tuple[object, object], expected: list[str]
) -> None:
    before, after = tokens
    expires = int(time.time()) + 20
    async with connect_listener(guarded, additional_headers=bearer(leads=before, exp=expires)) as client:
        assert (await frame_of(client))["event"] == "token_expiring"
        await renew(client, mint(leads=after, exp=expires))
        assert (await frame_of(client))["event"] == "token_expiring"  # of the new one: it counts from here on
        assert await received(client, bus, session) == expected


async def test_a_connection_is_warned_and_ends_with_its_token(guarded: Notifier) -> None:
    expires = int(time.time()) + 2
    async with connect_listener(guarded, additional_headers=bearer(exp=expires)) as client:
        warning = await frame_of(client)
        assert (warning["event"], warning["seconds"] in {1, 2}) == ("token_expiring", True)
        assert warning["id"]
        assert warning["timestamp"]
        assert await close_code_of(client) == (4401, "not_authenticated")
    assert time.time() >= expires
    assert guarded.count("ws_dropped_total", reason="not_authenticated") >= 1


async def test_a_new_token_sent_in_band_keeps_the_connection(guarded: Notifier, bus: Bus, session: str) -> None:
    expires = int(time.time()) + 2
    async with connect_listener(guarded, additional_headers=bearer(exp=expires)) as client:
        assert (await frame_of(client))["event"] == "token_expiring"
        await renew(client, mint())
        while time.time() < expires + 0.5:
            await client.recv()  # heartbeats, past the end of the first token
        await bus.publish(completed("default", session, "still here"))
        assert (await frame_of(client))["analysis_summary"] == "still here"


@pytest.mark.parametrize(
    ("claims", "code"),
    [({"tenant_id": "other"}, 4403), ({"scope": "audio:read"}, 4403), ({"exp": 1}, 4401), ({"aud": "else"}, 4401)],
)
async def test_an_invalid_new_token_ends_the_connection(
    guarded: Notifier, claims: dict[str, object], code: int
) -> None:
    async with connect_listener(guarded, additional_headers=bearer()) as client:
        await renew(client, mint(**claims))
        assert (await close_code_of(client))[0] == code


async def test_other_messages_from_a_client_are_ignored(guarded: Notifier, bus: Bus, session: str) -> None:
    async with connect_listener(guarded, additional_headers=bearer()) as client:
        for frame in ("", "x", "[]", "null", '{"token":1}', '{"token":null}', "{}", "[" * 5000, b"\x00\xff"):
            await client.send(frame)
        await bus.publish(completed("default", session, "still here"))
        assert (await frame_of(client))["analysis_summary"] == "still here"


async def test_while_the_keys_can_not_be_loaded_the_response_is_503(nats_url: str) -> None:
    settings = {"nats_url": nats_url, **token_settings(), "main_service_jwks_url": "http://127.0.0.1:1/keys"}
    del settings["main_service_jwt_public_key"]
    async with serving_notifier(NotifierSettings.model_validate(settings)) as running:
        with pytest.raises(InvalidStatus) as error:
            async with connect(running.url, proxy=None, additional_headers=bearer()):
                pass
        assert error.value.response.status_code == 503
        assert error.value.response.headers["Retry-After"]
