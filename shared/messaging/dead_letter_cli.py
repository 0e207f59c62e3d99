"""What `dead-letters list` and `dead-letters retry` do on the terminal, for whichever queues they are asked of."""

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
    """Teach a command line the two actions and what they take."""
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="show what was given up and why, oldest first")
    retry = actions.add_parser("retry", help="give letters to their queue again, and forget them")
    which = retry.add_mutually_exclusive_group(required=True)
    which.add_argument("names", nargs="*", default=[], metavar="ID", help="letters' ids, or ids of their sessions")
    which.add_argument("--all", action="store_true", dest="everything", help="every letter")


def run_dead_letters(config: BusConfig, queues: Sequence[str], arguments: argparse.Namespace) -> int:
    """Do what the command line says and return the process's status: 1 where something was not done."""
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
        dead = DeadLetters(bus)
        if arguments.action == "list":
            return await _list(_letters(dead, queues))
        wanted = None if arguments.everything else set(arguments.names)
        return await _retry(dead, [letter async for letter in _letters(dead, queues)], wanted)


async def _letters(dead: DeadLetters, queues: Sequence[str]) -> AsyncIterator[DeadLetter]:
    for queue in queues:
        async for letter in dead.list_queue(queue):
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
    whose = f"{letter.queue}  {key.tenant}/{key.session}"
    return f"{letter.id}  {letter.died_at}  {whose}  {letter.code} after {tries}: {letter.reason}"


async def _retry(dead: DeadLetters, letters: Sequence[DeadLetter], wanted: set[str] | None) -> int:
    """Retry the letters that are wanted, None for all."""
    missing = set(wanted or ())
    retried = refused = 0
    for letter in letters:
        names = {letter.id, letter.key.session}
        if wanted is not None and not names & wanted:
            continue
        missing -= names
        try:
            await dead.retry(letter)
        except InvalidInput as exc:
            refused += 1
            sys.stderr.write(f"dead-letters: {letter.id} stays: {exc.message}\n")
        else:
            retried += 1
    for name in sorted(missing):
        sys.stderr.write(f"dead-letters: there is none of {name}\n")
    sys.stdout.write(f"dead-letters: {retried} given to their queue again\n")
    return 1 if missing or refused else 0
