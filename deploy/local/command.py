"""The command `python -m deploy.local`: runs all of Roomtone on this machine, with nothing configured.

PORT (8000), HOST (127.0.0.1) and DATA_DIR (./data) set the address and the folder; every setting of the four services
works as well. A bus named by NATS_URL and a store named by its settings are used instead of the embedded engines.
"""

import argparse
import asyncio
import ctypes
import os
import signal
import sys

import uvloop

from deploy.local.app import OneMachine
from deploy.local.composition import BusOverrides, StoreOverrides, create_services, store_overrides
from deploy.local.data_folder import DataFolder, DataFolderError, claim
from deploy.local.engine import EngineError
from deploy.local.engines import choose_engines
from deploy.local.listener import ListenError, address_of, take_port
from deploy.local.proxies import go_directly_to_this_machine
from deploy.local.run import LocalRun
from deploy.local.settings import LocalSettings, NamedStore
from deploy.local.welcome import welcome
from shared.env import load_settings
from shared.observability.logs import configure_logging
from shared.observability.metrics import Metrics

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Run until stopped; exit status 0 after a stop, 1 if something failed, 2 if a setting is wrong."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description="All of Roomtone on this machine.")
    parser.add_argument("--with-parent", action="store_true", help="stop when the starting process dies (Linux)")
    if parser.parse_args().with_parent:
        _end_with_parent()
    os.umask(0o077)  # other users must not read recordings of conversations
    go_directly_to_this_machine()
    settings = load_settings(LocalSettings)
    configure_logging(level=settings.log_level, style=settings.log_format)
    try:
        with claim(settings.data_dir) as folder:
            _run(settings, folder)
    except (DataFolderError, EngineError, ListenError) as exc:
        sys.exit(f"roomtone: {exc}")
    except asyncio.CancelledError:  # stopped before it served
        pass


def _run(settings: LocalSettings, folder: DataFolder) -> None:
    with take_port(settings.host, settings.port) as listener:
        engines = choose_engines(folder, nats=settings.own_bus, store=not load_settings(NamedStore).given)
        bus: BusOverrides = {"nats_url": engines.nats.url} if engines.nats else {}
        store: StoreOverrides = store_overrides(engines.store) if engines.store else {}
        metrics = Metrics()
        services = create_services(
            bus=bus,
            store=store,
            store_folder=engines.store.bucket_folder if engines.store else None,
            spool=settings.spool or folder.spool,
            metrics=metrics,
        )
        run = LocalRun(
            app=OneMachine(services, metrics, settings.origin_policy()),
            settings=settings,
            listener=listener,
            folder=folder,
            engines=engines,
        )
        text = welcome(
            address=address_of(listener),
            recordings=str(engines.store.bucket_folder) if engines.store else "in the store of your settings",
            bus=engines.nats.url if engines.nats else "on the bus of NATS_URL",
            with_token=settings.main_service_jwt_public_key is not None or settings.main_service_jwks_url is not None,
        )
        uvloop.run(run.until_stopped(lambda: print(text, flush=True)))  # noqa: T201  # for a person at a terminal


def _end_with_parent() -> None:
    """Have the kernel send SIGTERM when the parent process dies (prctl(2)); Linux only, elsewhere nothing.

    A parent that is killed, such as `make`, can't stop what it started.
    """
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # the parent died before the line above took effect
        os.kill(os.getpid(), signal.SIGTERM)
