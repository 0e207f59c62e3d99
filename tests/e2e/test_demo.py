"""What `make demo` shows on the terminal."""

import asyncio
import os
import signal
from pathlib import Path

from deploy.local.demo.recording import open_recording
from tests.e2e.one_machine import OneMachine
from tests.processes import descendants_of, is_running
from tests.program import Program, start_program
from tests.tokens import mint, token_settings
from tests.waiting import until


async def _demo(**settings: str) -> Program:
    return await start_program("deploy.local.demo", environment={**os.environ, "SPEED": "0", **settings}, piped=True)


async def _shown(**settings: str) -> tuple[int | None, str]:
    """Run a demonstration to its end; returns its exit status and output."""
    demo = await _demo(**settings)
    output, _ = await asyncio.wait_for(demo.communicate(), 100)
    return demo.returncode, output.decode()


def _silence(folder: Path) -> Path:
    path = folder / "silence.pcm"
    path.write_bytes(bytes(32_000))
    return path


async def test_the_sample_is_sent_and_its_events_and_score_are_shown(machine: OneMachine) -> None:
    status, text = await _shown(SERVER=machine.address)
    assert status == 0, text
    words = [line.split()[2] for line in text.splitlines()]
    assert words[:3] == ["listening", "sending", "sent"]
    assert words[-2:] == ["score", "summary"]
    assert '"event":"audio_ready"' in text
    assert '"event":"analysis_ready"' in text


async def test_a_server_that_requires_a_token_accepts_the_demo_with_one_only(tmp_path: Path) -> None:
    keys = {name.upper(): str(value) for name, value in token_settings().items()}
    async with OneMachine(tmp_path / "data", log=None, **keys) as machine:
        await machine.start()
        file = str(_silence(tmp_path))
        status, text = await _shown(SERVER=machine.address, TOKEN=mint(tenant_id="acme"), FILE=file)
        assert status == 0, text
        assert "/recordings/acme/audio_demo-" in text
        status, text = await _shown(SERVER=machine.address, FILE=file)
        assert status == 1, text
        await machine.end(signal.SIGTERM)


async def test_without_a_server_it_starts_one_and_leaves_nothing_behind(tmp_path: Path) -> None:
    silence = _silence(tmp_path)
    status, text = await _shown(FILE=str(silence), TMPDIR=str(tmp_path))
    assert status == 0, text
    assert "of 100, confidence" in text
    assert list(tmp_path.iterdir()) == [silence]


async def test_when_interrupted_it_stops_its_server_and_deletes_its_data(tmp_path: Path) -> None:
    demo = await _demo(SPEED="1", TMPDIR=str(tmp_path))
    assert demo.stdout is not None
    async with asyncio.timeout(60):
        while b"sending" not in (line := await demo.stdout.readline()):
            assert line, "it ended"
    processes = descendants_of(demo.pid)
    assert len(processes) >= 3
    demo.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(demo.wait(), 60) == 130  # its server takes a while where much else runs
    await until(lambda: not any(is_running(pid) for pid in processes))
    assert list(tmp_path.iterdir()) == []


async def test_a_failure_is_reported_in_one_line(machine: OneMachine, tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(open_recording(None).path.read_bytes()[:40] + b"x")
    for settings, reason in (
        ({"FILE": str(tmp_path / "none.mp3")}, "none.mp3 can't be read"),
        ({"SERVER": "http://127.0.0.1:9"}, "No server answers at http://127.0.0.1:9"),
        ({"SERVER": "127.0.0.1:8000"}, "must begin with http://"),
        ({"SPEED": "fast"}, "SPEED=fast must be a number"),
        ({"SERVER": machine.address, "FILE": str(broken)}, "did not accept the end of the recording"),
    ):
        status, text = await _shown(**settings)
        last = text.splitlines()[-1]
        assert status == 1
        assert last.startswith("demo: ")
        assert reason in last
