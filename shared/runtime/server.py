"""How a service becomes a process: settings checked, logs on, one uvicorn server that stops in time."""

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

log = structlog.stdlib.get_logger(__name__)

_KEEP_ALIVE_SECONDS = 75  # longer than clients' pools (5 s) and load balancers (60 s) keep theirs, so they close first


def serve(app: ASGIApp, settings: ServiceSettings, *, service: str) -> None:
    """Run `app` until SIGINT or SIGTERM; in-flight requests get `shutdown_grace_seconds` to end."""
    configure_logging(level=settings.log_level, style=settings.log_format)
    log.info("starting", service=service, host=settings.host, port=settings.port)
    # The server passes the signal on once it has stopped: an orderly end is no failure.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    with suppress(KeyboardInterrupt):
        uvicorn.Server(server_config(app, settings)).run()


def server_config(app: ASGIApp, settings: ServiceSettings) -> uvicorn.Config:
    """Return the one server configuration that all services share.

    WebSockets get a protocol of ours that ends them well; compression is off since it costs 50 KiB a
    connection; forwarded headers are not believed from anyone.
    """
    return uvicorn.Config(
        app,
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
