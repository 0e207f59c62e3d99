"""Handshakes that are rejected before the upgrade, and their responses."""

import json
import logging
from collections.abc import Mapping

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response
from websockets.typing import Subprotocol

from services.notifier.settings import NotifierSettings
from tests.integration.notifier.serving import Notifier, connect_listener, serving_notifier


async def rejected(notifier: Notifier, query: str = "", headers: Mapping[str, str] | None = None) -> Response:
    with pytest.raises(InvalidStatus) as error:
        async with connect(f"{notifier.url}{query}", proxy=None, additional_headers=headers):
            pass
    return error.value.response


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?session_id=..%2Fx", "invalid_session_id"),
        ("?events=audio_ready,nonsense", "unknown_event"),
        ("?" + "&".join(f"session_id=s{number}" for number in range(101)), "too_many_sessions"),
        ("?token=s3cr3t", "token_in_url"),
        ("?access_token=s3cr3t", "token_in_url"),
        ("?authorization=Bearer%20s3cr3t", "token_in_url"),
        ("?since=1", "since_not_supported"),
    ],
)
async def test_an_invalid_query_is_rejected_with_400_and_a_reason(notifier: Notifier, query: str, code: str) -> None:
    response = await rejected(notifier, query)
    body = json.loads(response.body)
    assert response.status_code == 400
    assert (body["status"], body["code"]) == ("error", code)
    assert "s3cr3t" not in body["message"]
    assert response.headers["X-Request-ID"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
async def test_a_foreign_page_is_rejected_with_403(notifier: Notifier, origin: str) -> None:
    response = await rejected(notifier, headers={"Origin": origin})
    assert response.status_code == 403
    assert json.loads(response.body)["code"] == "foreign_origin"


async def test_a_rejected_handshake_is_not_logged_as_an_error(
    notifier: Notifier, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        assert (await rejected(notifier, headers={"Origin": "https://evil.example"})).status_code == 403
        assert (await rejected(notifier, "?events=nonsense")).status_code == 400
    assert caplog.records == []


async def test_a_listed_page_and_a_page_of_the_own_host_may_listen(notifier: Notifier) -> None:
    for origin in ("https://app.example.com", notifier.base):
        async with connect_listener(notifier, additional_headers={"Origin": origin}):
            pass


async def test_a_browser_that_offers_the_subprotocol_gets_it(notifier: Notifier) -> None:
    async with connect_listener(notifier, subprotocols=[Subprotocol("roomtone"), Subprotocol("bearer.x")]) as client:
        assert client.subprotocol == "roomtone"


async def test_a_client_over_the_limit_gets_503_and_retry_after(nats_url: str) -> None:
    async with serving_notifier(NotifierSettings(nats_url=nats_url, notify_max_clients=1)) as small:
        async with connect_listener(small):
            response = await rejected(small)
        assert response.status_code == 503
        assert response.headers["Retry-After"]
        assert json.loads(response.body)["code"] == "too_many_clients"


async def test_plain_http_gets_426(notifier: Notifier) -> None:
    async with httpx.AsyncClient(base_url=notifier.base, trust_env=False) as client:
        response = await client.get("/notify")
    assert response.status_code == 426
    assert response.headers["Upgrade"] == "websocket"
    assert response.json()["status"] == "error"
