"""A strict JSON parser for signed texts: it rejects the duplicate names and NaN that the standard library accepts."""

import json
from typing import Any, NoReturn


def parse_json_object(text: bytes) -> dict[str, Any]:
    """Parse one JSON object in UTF-8; raises ValueError for all else, for NaN, and for a name that occurs twice."""
    try:
        parsed = json.loads(text.decode(), object_pairs_hook=_reject_duplicates, parse_constant=_reject_constant)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc
    if not isinstance(parsed, dict):
        raise ValueError("not an object")  # noqa: TRY004  # a wrong text
    return parsed


def _reject_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    # Parsers differ over which of two values counts, so that two parties would read different tokens (RFC 8725, 2.4).
    if len(members) != len(pairs):
        raise ValueError("a name occurs twice")
    return members


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
