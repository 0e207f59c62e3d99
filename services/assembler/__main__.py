"""`python -m services.assembler`, and `python -m services.assembler rebuild-catalog`."""

import argparse
import asyncio
import sys

from services.assembler.app import create_service
from services.assembler.rebuild import rebuild_catalog
from services.assembler.settings import AssemblerSettings
from shared.errors import RoomtoneError
from shared.logs import configure_logging
from shared.metrics import Metrics
from shared.runtime import load_settings, serve


def _rebuild(settings: AssemblerSettings) -> int:
    configure_logging(level="warning", style=settings.log_format)
    try:
        found = asyncio.run(rebuild_catalog(settings))
    except TimeoutError:
        sys.stderr.write("rebuild-catalog: the bus can't be reached: check NATS_URL\n")
        return 1
    except RoomtoneError as exc:
        sys.stderr.write(f"rebuild-catalog: {exc.message} Run it again: what was done is kept.\n")
        return 1
    sys.stdout.write(
        f"rebuild-catalog: {found.events} kept events told again, {found.bare_recordings} recordings found without "
        f"any, {found.deleted} of deleted sessions passed over, {found.unreadable} unreadable\n"
    )
    return 1 if found.unreadable else 0


def main() -> None:
    """Serve, or do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m services.assembler", description="Make WAVs of what was uploaded.")
    parser.add_argument(
        "command",
        nargs="?",
        choices=["serve", "rebuild-catalog"],
        default="serve",
        help="serve (the default), or rebuild the catalog from the bucket's objects and end",
    )
    command = parser.parse_args().command
    settings = load_settings(AssemblerSettings)
    if command == "rebuild-catalog":
        sys.exit(_rebuild(settings))
    serve(create_service(settings, Metrics()).app, settings, service="assembler")


if __name__ == "__main__":
    main()
