"""`python -m deploy.local.dead_letters list|retry`: the dead letters of a running one-machine form."""

import argparse
import sys
from dataclasses import replace

from deploy.local.data_folder import DataFolder, DataFolderError
from deploy.local.engines import choose_engines
from deploy.local.settings import LocalSettings
from services.analyzer.worker import SERVICE as ANALYZER
from services.assembler.app import SERVICE as ASSEMBLER
from shared.env import load_settings
from shared.messaging.dead_letter_cli import add_dead_letter_arguments, run_dead_letters


def main() -> None:
    """List or retry dead letters; exit status 1 and one line on standard error for a failure."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.dead_letters")
    add_dead_letter_arguments(parser)
    arguments = parser.parse_args()
    settings = load_settings(LocalSettings)
    folder = DataFolder(settings.data_dir)
    bus = settings.bus_config()
    if settings.own_bus:
        if not folder.addresses.exists():
            sys.exit(f"dead-letters: {settings.data_dir} holds no Roomtone: start one with `make run`, or set DATA_DIR")
        bus = replace(bus, url=_embedded_bus_url(folder))
    sys.exit(run_dead_letters(bus, [ASSEMBLER, ANALYZER], arguments))


def _embedded_bus_url(folder: DataFolder) -> str:
    try:
        engines = choose_engines(folder, nats=True, store=False)
    except DataFolderError as exc:
        sys.exit(f"dead-letters: {exc}")
    assert engines.nats is not None  # noqa: S101  # requested by nats=True
    return engines.nats.url


if __name__ == "__main__":
    main()
