"""System calls of a process in order, and the check that what a response promises was synced before it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

Kind = Literal["sync", "name", "directory", "send"]

_STATUS = re.compile(r"HTTP/1\.1 (\d{3})")
_CHUNK = re.compile(r'"session_id":"([^"]+)".*"chunk_index":(\d+)')
_FINALIZED = re.compile(r'"status":"processing","session_id":"([^"]+)"')


@dataclass(frozen=True, slots=True)
class SystemCall:
    """A successful call; `begin` and `end` are its positions in the record.

    `path` is what was synced (`sync`), linked or renamed to (`name`, from `source`) or made (`directory`); of a `send`
    to descriptor `fd`, `text` is what was sent. An anonymous file has the path of its descriptor.
    """

    kind: Kind
    begin: int
    end: int
    path: str = ""
    source: str = ""
    text: str = ""
    fd: int = -1


@dataclass(frozen=True, slots=True)
class Promise:
    """A success response: the file in the spool that it promises, and its position in the record."""

    session: str
    name: str
    begin: int


def promises(calls: Sequence[SystemCall]) -> Iterator[Promise]:
    """Yield the promises of chunks and manifests; a response may be sent in several calls."""
    heads: dict[int, tuple[int, str]] = {}
    for call in calls:
        if call.kind == "send":
            if _STATUS.match(call.text):
                heads[call.fd] = (call.begin, "")
            begin, before = heads.get(call.fd, (call.begin, ""))
            text = before + call.text
            heads[call.fd] = (begin, text)
            if found := _CHUNK.search(text):
                yield Promise(found[1], f"{int(found[2]):07d}.chunk", begin)
            elif found := _FINALIZED.search(text):
                yield Promise(found[1], "manifest.json", begin)
            else:
                continue
            del heads[call.fd]


def faults_of(calls: Sequence[SystemCall], promise: Promise, session: str) -> list[str]:
    """Return what breaks the order fsync(file) < name < fsync(directory) < response; `session` is the session's folder.

    If the folder or its tenant's was made in this record, its parent must be synced before the response as well.
    """
    file = f"{promise.session}/{promise.name}"
    name = f"{session}/{promise.name}"
    named = next((call for call in calls if call.kind == "name" and call.path == name), None)
    if named is None:
        return [f"{file} was promised and never named"]
    found = []
    if not any(_is_sync(call, named.source) and call.end < named.begin for call in calls):
        found.append(f"the bytes of {file} were not synced before they were named")
    if not _synced_between(calls, session, named.end, promise.begin):
        found.append(f"the name {file} was not synced before the response")
    for folder in (PurePath(session), PurePath(session).parent):
        made = next((call for call in calls if call.kind == "directory" and call.path == str(folder)), None)
        if made is not None and not _synced_between(calls, str(folder.parent), made.end, promise.begin):
            found.append(f"the folder {folder.name} of {file} was not synced before the response")
    return found


def _synced_between(calls: Sequence[SystemCall], path: str, after: int, before: int) -> bool:
    return any(_is_sync(call, path) and after < call.begin and call.end < before for call in calls)


def _is_sync(call: SystemCall, path: str) -> bool:
    return call.kind == "sync" and call.path == path
