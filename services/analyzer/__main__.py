"""`python -m services.analyzer`, and its command `dead-letters`."""

import argparse
import sys

from services.analyzer.app import create_service
from services.analyzer.handlers import SERVICE
from services.analyzer.settings import AnalyzerSettings
from shared.dead_letter_command import add_dead_letter_arguments, run_dead_letters
from shared.metrics import Metrics
from shared.runtime import load_settings, serve


def main() -> None:
    """Serve, or do what the command line says."""
    arguments = _parser().parse_args()
    settings = load_settings(AnalyzerSettings)
    match arguments.command:
        case "dead-letters":
            sys.exit(run_dead_letters(settings.bus(), [SERVICE], arguments))
        case _:
            serve(create_service(settings, Metrics()).app, settings, service=SERVICE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.analyzer", description="Score what was recorded.")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("serve", help="what happens without a command")
    add_dead_letter_arguments(commands.add_parser("dead-letters", help="see and retry recordings that were given up"))
    return parser


if __name__ == "__main__":
    main()
