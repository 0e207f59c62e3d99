"""What `make run` promises, tested on the process that it starts."""

import asyncio
import os
import re
import shutil
import signal
import socket
import sys
from pathlib import Path

import httpx
import pytest

from tests.e2e.one_machine import OneMachine, one_machine
from tests.processes import children_of, is_running
from tests.program import start_program
from tests.waiting import until


async def _send_silence(address: str, session: str) -> httpx.Response:
    """Send a second of silence in one chunk and finalize."""
    async with httpx.AsyncClient(base_url=address, timeout=70) as client:
        sent = await client.post(f"/upload_chunk/{session}", files={"audio_chunk": bytes(32000)})
        assert sent.status_code == 200, sent.text
        return await client.post(f"/finalize/{session}")


async def _all_gone(pids: set[int]) -> None:
    await until(lambda: not any(is_running(pid) for pid in pids), what=f"{pids} to be gone")


async def test_health_is_of_all_four_services(machine: OneMachine) -> None:
    async with httpx.AsyncClient(base_url=machine.address) as client:
        assert (await client.get("/health")).json()["status"] == "healthy"
        assert (await client.get("/livez")).status_code == 200
        ready = await client.get("/readyz")
        metrics = (await client.get("/metrics")).text
    assert (ready.status_code, ready.json()["reasons"]) == (200, [])
    assert "chunk_bytes_total" in metrics
    assert "ws_connections" in metrics


async def test_the_index_page_lists_what_can_be_called(machine: OneMachine) -> None:
    async with httpx.AsyncClient(base_url=machine.address) as client:
        page = (await client.get("/")).text
    assert re.search(r"^POST +/upload_chunk/\S+ +ingest$", page, re.MULTILINE)
    assert re.search(r"^WebSocket +/notify +notifier$", page, re.MULTILINE)


async def test_an_unknown_path_is_404_and_a_wrong_method_405_in_json(machine: OneMachine) -> None:
    async with httpx.AsyncClient(base_url=machine.address) as client:
        unknown = await client.get("/no/such/path")
        wrong = await client.get("/finalize/abc")
    assert (unknown.status_code, unknown.json()["status"]) == (404, "error")
    assert (wrong.status_code, wrong.json()["status"]) == (405, "error")


@pytest.mark.skipif(shutil.which("curl") is None, reason="the line to try is for those who have curl")
async def test_the_line_to_try_works_when_pasted(machine: OneMachine) -> None:
    line = next(line for line in machine.printed.splitlines() if "try it" in line).split(maxsplit=2)[2]
    shell = await asyncio.create_subprocess_shell(line, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(shell.communicate(), 70)
    assert shell.returncode == 0
    assert b'"size_bytes":32044' in output.replace(b" ", b"")


async def test_recordings_are_files_where_the_welcome_says(machine: OneMachine) -> None:
    answer = await _send_silence(machine.address, "as-a-file")
    folder = next(line for line in machine.printed.splitlines() if "recordings" in line).split(maxsplit=1)[1]
    assert (Path(folder) / answer.json()["filename"]).stat().st_size == answer.json()["size_bytes"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_stop_signal_ends_it_with_status_0_and_no_child_left(tmp_path: Path, number: signal.Signals) -> None:
    async with OneMachine(tmp_path / "data") as machine:
        await machine.start()
        children = machine.children()
        assert len(children) >= 2
        assert await machine.end(number) == 0
        await _all_gone(children)


async def test_a_stop_signal_before_it_serves_ends_it_as_well(tmp_path: Path) -> None:
    async with OneMachine(tmp_path / "data") as machine:
        await machine.spawn()
        children = await until(machine.children, within=30)
        assert await machine.end(signal.SIGTERM) == 0
        await _all_gone(children)


async def test_after_a_kill_no_child_is_left_and_a_new_start_goes_on_where_it_stopped(tmp_path: Path) -> None:
    async with OneMachine(tmp_path / "data") as machine:
        await machine.start()
        before = machine.addresses
        first = (await _send_silence(machine.address, "before")).json()
        async with httpx.AsyncClient(base_url=machine.address) as client:
            assert (await client.post("/upload_chunk/half", files={"audio_chunk": bytes(32000)})).status_code == 200
        children = machine.children()
        assert await machine.end(signal.SIGKILL) == -signal.SIGKILL
        await _all_gone(children)

    async with one_machine(tmp_path / "data") as again, httpx.AsyncClient(base_url=again.address, timeout=70) as client:
        assert again.addresses == before
        assert (await client.post("/finalize/before")).json() == first
        assert (await client.post("/finalize/half")).json()["size_bytes"] == 32044


async def test_with_parent_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    program = "import subprocess, sys; subprocess.run([sys.executable, '-m', 'deploy.local', '--with-parent'])"
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program),
        env={**os.environ, "PORT": "0", "DATA_DIR": str(tmp_path / "data")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert parent.stdout is not None
    assert await asyncio.wait_for(parent.stdout.readline(), 60)
    (server,) = children_of(parent.pid)
    engines = children_of(server)
    parent.kill()
    await parent.wait()
    await _all_gone({server} | engines)


async def test_a_second_instance_on_the_same_data_fails_naming_the_first(machine: OneMachine, tmp_path: Path) -> None:
    async with OneMachine(machine.folder.path, log=tmp_path / "log") as second:
        assert await second.fails() == 1
        assert f"Process {machine.process.pid} uses the data folder" in second.log.read_text()


async def test_a_taken_port_is_reported_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with OneMachine(tmp_path / "data", PORT=str(port)) as machine:
            assert await machine.fails() == 1
    assert machine.log.read_text().strip() == (
        f"roomtone: Port {port} is taken by another program: stop that program, or set PORT to another number."
    )


async def test_an_incomplete_store_in_the_settings_is_rejected_with_what_is_missing(tmp_path: Path) -> None:
    async with OneMachine(tmp_path / "data", R2_BUCKET_NAME="calls") as machine:
        assert await machine.fails() == 2
    assert "R2_ACCESS_KEY_ID" in machine.log.read_text()


async def test_a_killed_engine_is_restarted_and_work_goes_on(tmp_path: Path) -> None:
    async with one_machine(tmp_path / "data") as machine:
        engines = {pid: (Path("/proc") / str(pid) / "exe").readlink().name for pid in machine.children()}
        for pid, program in engines.items():
            if program in {"nats-server", "rclone"}:
                os.kill(pid, signal.SIGKILL)
        assert (await _send_silence(machine.address, "after")).status_code in {200, 202}
        async with httpx.AsyncClient(base_url=machine.address) as client:

            async def analyzed() -> bool:
                response = await client.get("/sessions/after")
                return bool(response.json().get("state") == "analyzed")

            await until(analyzed, within=60)


async def test_the_catalog_is_rebuilt_beside_the_running_machine(machine: OneMachine, tmp_path: Path) -> None:
    await _send_silence(machine.address, "rebuilt")
    for data, status in ((machine.folder.addresses.parent, 0), (tmp_path, 1)):
        said = await _command(data, "rebuild", status=status)
        assert said.startswith("rebuild-catalog: ")


async def test_dead_letters_are_listed_beside_the_running_machine(machine: OneMachine, tmp_path: Path) -> None:
    async with httpx.AsyncClient(base_url=machine.address, timeout=60) as client:
        octets = {"Content-Type": "application/octet-stream"}
        await client.post("/upload_chunk/noise", content=b"\x1a\x45\xdf\xa3" + bytes(200), headers=octets)
        assert (await client.post("/finalize/noise")).json()["code"] == "bad_media"
    data = machine.folder.addresses.parent
    listed = await _command(data, "dead_letters", "list")  # other tests share this machine
    assert re.fullmatch(r"dead-letters: [1-9]\d* found", listed)
    assert await _command(data, "dead_letters", "retry", "noise") == "dead-letters: 1 given to their queue again"
    assert (await _command(tmp_path, "dead_letters", "list", status=1)).startswith("dead-letters: ")


async def _command(data: Path, name: str, *arguments: str, status: int = 0) -> str:
    """Return the last line of a command's output."""
    process = await start_program(
        f"deploy.local.{name}", *arguments, environment={**os.environ, "DATA_DIR": str(data)}, piped=True
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == status, said.decode()
    return said.decode().splitlines()[-1]
