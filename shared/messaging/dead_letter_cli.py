"""The commands `dead-letters list` and `dead-letters retry`, for the queues that the calling program names."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Sequence

from shared.domain.errors import InvalidInput, RoomtoneError
from shared.messaging.bus import open_bus
from shared.messaging.dead_letters import DeadLetter, DeadLetters
from shared.messaging.settings import BusConfig
from shared.observability.logs import configure_logging
from shared.observability.metrics import Metrics

_BUS_SECONDS = 10.0


def add_dead_letter_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands `list` and `retry` with their arguments to a parser."""
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="show what was given up and why, oldest first")
    retry = actions.add_parser("retry", help="give letters to their queue again, and forget them")
    which = retry.add_mutually_exclusive_group(required=True)
    which.add_argument("names", nargs="*", default=[], metavar="ID", help="letters' ids, or ids of their sessions")
    which.add_argument("--all", action="store_true", dest="everything", help="every letter")


def run_dead_letters(config: BusConfig, queues: Sequence[str], arguments: argparse.Namespace) -> int:
    """Run the parsed command and return the exit status: 1 if anything was not done."""
    configure_logging(level="warning", style="auto")
    try:
        return asyncio.run(_run(config, queues, arguments))
    except TimeoutError:
        sys.stderr.write("dead-letters: the bus can't be reached: check NATS_URL\n")
    except RoomtoneError as exc:
        sys.stderr.write(f"dead-letters: {exc.message} Run it again: what was done is kept.\n")
    return 1


async def _run(config: BusConfig, queues: Sequence[str], arguments: argparse.Namespace) -> int:
    async with open_bus(config, service="dead-letters", metrics=Metrics()) as bus:
        await asyncio.wait_for(bus.wait_ready(), _BUS_SECONDS)
        dead_letters = DeadLetters(bus)
        if arguments.action == "list":
            return await _list(_letters(dead_letters, queues))
        wanted = None if arguments.everything else set(arguments.names)
        return await _retry(dead_letters, [letter async for letter in _letters(dead_letters, queues)], wanted)


async def _letters(dead_letters: DeadLetters, queues: Sequence[str]) -> AsyncIterator[DeadLetter]:
    for queue in queues:
        async for letter in dead_letters.list_queue(queue):
            yield letter


async def _list(letters: AsyncIterator[DeadLetter]) -> int:
    found = 0
    async for letter in letters:
        found += 1
        sys.stdout.write(f"{_line(letter)}\n")
    sys.stdout.write(f"dead-letters: {found} found\n")
    return 0


def _line(letter: DeadLetter) -> str:
    key = letter.key
    tries = f"{letter.tries} {'try' if letter.tries == 1 else 'tries'}"
    session = f"{key.tenant}/{key.session}"
    return f"{letter.id}  {letter.died_at}  {letter.queue}  {session}  {letter.code} after {tries}: {letter.reason}"


async def _retry(dead_letters: DeadLetters, letters: Sequence[DeadLetter], wanted: set[str] | None) -> int:
    """Retry the letters with the wanted ids, None for all."""
    missing = set(wanted or ())
    retried = failed = 0
    for letter in letters:
        names = {letter.id, letter.key.session}
        if wanted is not None and not names & wanted:
            continue
        missing -= names
        try:
            await dead_letters.retry(letter)
        except InvalidInput as exc:
            failed += 1
            sys.stderr.write(f"dead-letters: {letter.id} stays: {exc.message}\n")
        else:
            retried += 1
    for name in sorted(missing):
        sys.stderr.write(f"dead-letters: there is none of {name}\n")
    sys.stdout.write(f"dead-letters: {retried} given to their queue again\n")
    return 1 if missing or failed else 0
