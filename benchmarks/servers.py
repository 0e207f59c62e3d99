"""The servers to compare, each started on a free port with its own folder."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import installed
from deploy.local.nats_server import NatsServer
from deploy.local.ports import free_ports
from tests.processes import children_of
from tests.service_process import ServiceProcess
from tests.waiting import until


@dataclass(frozen=True, slots=True)
class Running:
    """A server that takes uploads on `port`; `pids` are all its processes, the bus included."""

    port: int
    pids: Sequence[int]


@dataclass(frozen=True, slots=True)
class Server:
    """A server to measure: `start` runs it with a folder; `install` installs a peer's program first.

    `shape` names the form of its requests (see `shapes`).
    """

    name: str
    shape: str
    start: Callable[[Path, Path], AbstractAsyncContextManager[Running]]
    install: Callable[[Path], Path] | None = None


@asynccontextmanager
async def _ingest(folder: Path, _program: Path) -> AsyncIterator[Running]:
    """Run ingest as in production: in its own process, publishing an event for every chunk to a bus."""
    port, nats_port = free_ports(2)
    settings = {
        "PORT": str(port),
        "NATS_URL": f"nats://127.0.0.1:{nats_port}",
        "LOCAL_TEMP_CHUNK_PATH": str(folder / "spool"),
        "MAX_SESSION_SIZE": str(2**40),
        "MAX_CHUNK_SIZE": str(2**30),
        "LOG_LEVEL": "warning",
    }
    async with NatsServer(folder / "nats", nats_port) as bus, ServiceProcess("ingest", folder, settings) as service:
        await service.connected_to_bus()
        assert bus.pid is not None  # noqa: S101  # it runs
        yield Running(port, [service.pid, bus.pid])


@asynccontextmanager
async def _tus_server(folder: Path, program: Path) -> AsyncIterator[Running]:
    (port,) = free_ports(1)
    async with _process(["node", str(program), str(port), str(folder)], folder, port) as pid:
        yield Running(port, [pid])


@asynccontextmanager
async def _tuspyserver(folder: Path, program: Path) -> AsyncIterator[Running]:
    (port,) = free_ports(1)
    command = [str(program), "-m", "uvicorn", "app:app", "--port", str(port), "--no-access-log", "--log-level", "error"]
    environment = {"FILES": str(folder), "PYTHONPATH": str(Path(installed.__file__).parent / "tuspy")}
    async with _process(command, folder, port, environment) as pid:
        yield Running(port, [pid])


_NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 2;
events {{ worker_connections 512; }}
http {{
  access_log off; client_max_body_size 1g; client_body_temp_path {folder}/bodies;
  proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000;
  server {{
    listen 127.0.0.1:{port};
    location / {{ root {folder}/files; dav_methods PUT; create_full_put_path on; dav_access user:rw; }}
  }}
}}
"""


@asynccontextmanager
async def _nginx(folder: Path, program: Path) -> AsyncIterator[Running]:
    (port,) = free_ports(1)
    config = _nginx_config(folder, port)
    async with _process([str(program), "-e", str(folder / "error.log"), "-c", str(config)], folder, port) as pid:
        await until(lambda: len(children_of(pid)) == 2)  # noqa: PLR2004  # nginx's workers
        yield Running(port, [pid, *children_of(pid)])


def _nginx_config(folder: Path, port: int) -> Path:
    (folder / "files").mkdir(mode=0o755)
    config = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""  # nginx's workers must reach the folder
    config.write_text(user + _NGINX.format(folder=folder, port=port))
    return config


@asynccontextmanager
async def _process(
    command: Sequence[str], folder: Path, port: int, environment: Mapping[str, str] | None = None
) -> AsyncIterator[int]:
    with (folder / "server.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=log, stderr=log, env={"PATH": os.environ["PATH"], **(environment or {})}
        )
    try:
        await until(lambda: _listens(port, process), within=30, what=f"{command[0]} to listen")
        yield process.pid
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            await process.wait()


async def _listens(port: int, process: asyncio.subprocess.Process) -> bool:
    assert process.returncode is None, "it ended at its start"  # noqa: S101  # a peer's fault ends the benchmark
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


OURS_RAW = Server("roomtone, raw body", "chunk-raw", _ingest)
OURS_FORM = Server("roomtone, multipart", "chunk-form", _ingest)
TUS_SERVER = Server("@tus/server", "tus", _tus_server, installed.tus_server)
NGINX = Server("nginx DAV PUT", "put", _nginx, installed.nginx)
TUSPYSERVER = Server("tuspyserver", "tus-slash", _tuspyserver, installed.tuspyserver)
