"""Runs a service as a process: logging, and one uvicorn server with a graceful shutdown."""

import signal
import sys
from contextlib import suppress

import structlog
import uvicorn
from starlette.types import ASGIApp

from shared.observability.logs import configure_logging
from shared.runtime.protocols.http1 import http1_protocol_factory
from shared.runtime.protocols.websocket import WebSocketProtocol
from shared.runtime.settings import ServiceSettings
from shared.runtime.startup_failure import StartupFailure

log = structlog.stdlib.get_logger(__name__)

_KEEP_ALIVE_SECONDS = 75  # longer than clients' pools (5 s) and load balancers (60 s), so that they close first


def serve(app: ASGIApp, settings: ServiceSettings, *, service: str) -> None:
    """Run `app` until SIGINT or SIGTERM; requests in progress then have `shutdown_grace_seconds`."""
    configure_logging(level=settings.log_level, style=settings.log_format)
    log.info("starting", service=service, host=settings.host, port=settings.port)
    # The server raises the signal again once it has stopped; a graceful shutdown exits with 0.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    with suppress(KeyboardInterrupt):
        uvicorn.Server(server_config(app, settings)).run()


def server_config(app: ASGIApp, settings: ServiceSettings) -> uvicorn.Config:
    """Return the server configuration of all services.

    HTTP and WebSocket protocols are our own, with limits; WebSocket compression is off, since it costs 50 KiB a
    connection; X-Forwarded-* headers are ignored.
    """
    return uvicorn.Config(
        StartupFailure(app),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=http1_protocol_factory(),  # type: ignore[arg-type]  # it only calls it
        ws=WebSocketProtocol,
        ws_max_size=64 * 1024,
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.shutdown_grace_seconds,
        lifespan="on",
    )
