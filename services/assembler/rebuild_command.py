"""What `rebuild-catalog` says on the terminal."""

import asyncio
import sys

from services.assembler.rebuild import rebuild_catalog
from services.assembler.settings import AssemblerSettings
from shared.errors import RoomtoneError
from shared.logs import configure_logging


def run_rebuild(settings: AssemblerSettings) -> int:
    """Rebuild the catalog and say what was found; returns the process's status."""
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
