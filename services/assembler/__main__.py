"""`python -m services.assembler`, and `python -m services.assembler rebuild-catalog`."""

import argparse
import sys

from services.assembler.app import create_service
from services.assembler.rebuild_command import run_rebuild
from services.assembler.settings import AssemblerSettings
from shared.metrics import Metrics
from shared.runtime import load_settings, serve


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
        sys.exit(run_rebuild(settings))
    serve(create_service(settings, Metrics()).app, settings, service="assembler")


if __name__ == "__main__":
    main()
