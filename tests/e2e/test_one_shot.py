"""One-shot analysis in the one-machine form."""

from pathlib import Path

import httpx

from tests.e2e.one_machine import OneMachine
from tests.integration.analyzer.one_shot_client import PATH, analyze, speech_as, wav
from tests.integration.analyzer.speech import WORDS


async def test_a_file_is_scored_through_the_one_port(machine: OneMachine) -> None:
    async with httpx.AsyncClient(base_url=machine.address, timeout=60) as client:
        response = await analyze(client, speech_as("m4a"), "call.m4a", detail="true")
        wrong = await client.get(PATH)
        page = (await client.get("/")).text
    assert response.status_code == 200, response.text
    assert WORDS[0].lower() in response.json()["transcript"].lower()
    assert (wrong.status_code, f"POST       {PATH}" in page) == (405, True)


async def test_a_page_may_send_when_it_is_listed_and_not_otherwise(tmp_path: Path) -> None:
    listed, foreign = {"Origin": "https://app.example.com"}, {"Origin": "https://evil.example"}
    preflight_headers = {"Access-Control-Request-Method": "POST"}
    async with OneMachine(tmp_path / "data", CORS_ALLOWED_ORIGINS=listed["Origin"]) as machine:
        await machine.start()
        async with httpx.AsyncClient(base_url=machine.address, timeout=60) as client:
            for path in (PATH, "/upload_chunk/from-a-page"):
                preflight = await client.options(path, headers=listed | preflight_headers)
                assert preflight.headers["access-control-allow-origin"] == listed["Origin"]
                assert (await client.post(path, headers=foreign)).status_code == 403
            silence = await analyze(client, wav(bytes(32_000)), headers=listed)
    assert silence.json()["temperature"] == 1
    assert silence.headers["access-control-allow-origin"] == listed["Origin"]
