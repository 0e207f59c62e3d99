"""Which processes live, as the kernel tells it."""

from contextlib import suppress
from pathlib import Path


def children_of(parent: int) -> set[int]:
    """Return the ids of a process's living children, from /proc."""
    found: set[int] = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[1]) == parent and fields[0] != "Z":
                    found.add(int(entry.name))
    return found


def is_running(pid: int) -> bool:
    """Whether a process lives; one that only waits to be collected does not."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def descendants_of(ancestor: int) -> set[int]:
    """Return the ids of a process's living children, of theirs, and so on."""
    children = children_of(ancestor)
    return children.union(*(descendants_of(child) for child in children))


def waits_for_lock(pid: int) -> bool:
    """Whether a process waits for a lock on a file."""
    waiting = [line.split() for line in Path("/proc/locks").read_text().splitlines() if " -> " in line]
    return any(fields[5] == str(pid) for fields in waiting)
