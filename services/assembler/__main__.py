"""`python -m services.assembler`, and its commands `rebuild-catalog` and `dead-letters`."""

import argparse
import sys

from services.assembler.app import SERVICE, create_service
from services.assembler.rebuild_catalog import run_rebuild
from services.assembler.settings import AssemblerSettings
from shared.env import load_settings
from shared.messaging.dead_letter_cli import add_dead_letter_arguments, run_dead_letters
from shared.observability.metrics import Metrics
from shared.runtime.server import serve


def main() -> None:
    """Run the command named on the command line; without one, serve until stopped."""
    arguments = _parser().parse_args()
    settings = load_settings(AssemblerSettings)
    match arguments.command:
        case "rebuild-catalog":
            sys.exit(run_rebuild(settings))
        case "dead-letters":
            sys.exit(run_dead_letters(settings.bus_config(), [SERVICE], arguments))
        case _:
            serve(create_service(settings, Metrics()).app, settings, service=SERVICE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.assembler", description="Make WAVs of what was uploaded.")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("serve", help="what happens without a command")
    commands.add_parser("rebuild-catalog", help="rebuild the catalog from the bucket's objects and end")
    add_dead_letter_arguments(commands.add_parser("dead-letters", help="see and retry sessions that were given up"))
    return parser


if __name__ == "__main__":
    main()
