"""Which web pages may call one-shot analysis."""

import pytest

from tests.integration.analyzer.one_shot_client import PATH, analyze, analyzing, error_of, open_raw_upload, wav
from tests.tokens import bearer, token_settings

PAGE, FOREIGN = "https://app.example.com", "https://evil.example"
SILENCE = wav(bytes(32_000))
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


async def test_a_listed_pages_preflight_needs_no_token(nats_url: str) -> None:
    async with analyzing(nats_url, cors_allowed_origins=PAGE, **token_settings()) as client:
        response = await client.options(PATH, headers={"Origin": PAGE, **PREFLIGHT})
    assert (response.status_code, response.headers["access-control-allow-origin"]) == (200, PAGE)
    assert "POST" in response.headers["access-control-allow-methods"]
    assert response.headers["x-request-id"]


async def test_a_listed_page_may_read_responses_and_errors(nats_url: str) -> None:
    async with analyzing(nats_url, cors_allowed_origins=PAGE, rate_limit_per_minute=2) as client:
        responses = [
            await analyze(client, content, headers={"Origin": PAGE}) for content in (SILENCE, b"not audio", SILENCE)
        ]
    assert [response.status_code for response in responses] == [200, 400, 429]
    for response in responses:
        assert response.headers["access-control-allow-origin"] == PAGE
        assert "Retry-After" in response.headers["access-control-expose-headers"]


async def test_without_authentication_a_foreign_page_is_rejected_before_the_body(nats_url: str) -> None:
    async with analyzing(nats_url, cors_allowed_origins=PAGE) as client, open_raw_upload(client) as upload:
        await upload.send(
            f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nOrigin: {FOREIGN}\r\nContent-Length: 9999\r\n\r\n".encode()
        )
        status, headers, body = await upload.response()
    assert (status, b"foreign_origin" in body) == (403, True)
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("origin", [FOREIGN, PAGE])
async def test_with_authentication_the_token_decides(nats_url: str, origin: str) -> None:
    async with analyzing(nats_url, cors_allowed_origins=PAGE, **token_settings()) as client:
        error_of(await analyze(client, SILENCE, headers={"Origin": origin}), 401)
        assert (await analyze(client, SILENCE, headers={"Origin": origin, **bearer()})).status_code == 200
