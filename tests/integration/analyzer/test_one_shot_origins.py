"""Who may ask for an analysis out of a browser."""

import pytest

from tests.integration.analyzer.one_shot_client import PATH, analyze, analyzing, open_raw_upload, refused, wav
from tests.tokens import bearer, token_settings

PAGE, FOREIGN = "https://app.example.com", "https://evil.example"
SILENCE = wav(bytes(32_000))
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


async def test_a_listed_page_may_ask_without_a_token_whether_it_may_send(nats_url: str) -> None:
    async with analyzing(nats_url, cors_allowed_origins=PAGE, **token_settings()) as client:
        answer = await client.options(PATH, headers={"Origin": PAGE, **PREFLIGHT})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, PAGE)
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["x-request-id"]


async def test_a_listed_page_may_read_answers_and_errors(nats_url: str) -> None:
    async with analyzing(nats_url, cors_allowed_origins=PAGE, rate_limit_per_minute=2) as client:
        answers = [
            await analyze(client, content, headers={"Origin": PAGE}) for content in (SILENCE, b"not audio", SILENCE)
        ]
    assert [answer.status_code for answer in answers] == [200, 400, 429]
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert "Retry-After" in answer.headers["access-control-expose-headers"]


async def test_a_foreign_page_is_refused_before_the_body_where_nobody_shows_a_token(nats_url: str) -> None:
    async with analyzing(nats_url, cors_allowed_origins=PAGE) as client, open_raw_upload(client) as wire:
        await wire.send(
            f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nOrigin: {FOREIGN}\r\nContent-Length: 9999\r\n\r\n".encode()
        )
        status, headers, body = await wire.answer()
    assert (status, b"foreign_origin" in body) == (403, True)
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("origin", [FOREIGN, PAGE])
async def test_where_tokens_are_shown_they_decide(nats_url: str, origin: str) -> None:
    async with analyzing(nats_url, cors_allowed_origins=PAGE, **token_settings()) as client:
        refused(await analyze(client, SILENCE, headers={"Origin": origin}), 401)
        assert (await analyze(client, SILENCE, headers={"Origin": origin, **bearer()})).status_code == 200
