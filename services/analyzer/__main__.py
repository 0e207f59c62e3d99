"""`python -m services.analyzer`, and its commands `dead-letters` and `calibrate`."""

import argparse
import sys

from services.analyzer.app import create_service
from services.analyzer.calibrate import add_calibrate_arguments, run_calibrate
from services.analyzer.settings import AnalyzerSettings
from services.analyzer.worker import SERVICE
from shared.env import load_settings
from shared.messaging.dead_letter_cli import add_dead_letter_arguments, run_dead_letters
from shared.observability.metrics import Metrics
from shared.runtime.server import serve


def main() -> None:
    """Run the command named on the command line; without one, serve until stopped."""
    arguments = _parser().parse_args()
    if arguments.command == "calibrate":  # which needs no bucket and no bus
        sys.exit(run_calibrate(arguments))
    settings = load_settings(AnalyzerSettings)
    match arguments.command:
        case "dead-letters":
            sys.exit(run_dead_letters(settings.bus_config(), [SERVICE], arguments))
        case _:
            serve(create_service(settings, Metrics()).app, settings, service=SERVICE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.analyzer", description="Score what was recorded.")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("serve", help="what happens without a command")
    add_dead_letter_arguments(commands.add_parser("dead-letters", help="see and retry recordings that were given up"))
    add_calibrate_arguments(commands.add_parser("calibrate", help="fit temperatures to recordings that people rated"))
    return parser


if __name__ == "__main__":
    main()
