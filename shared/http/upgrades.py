"""Which requests become another protocol, and what the others are without their wish for one."""

from collections.abc import Iterable

Header = tuple[bytes, bytes]

_HOP = {b"upgrade", b"connection"}
_BODY = {b"content-length", b"transfer-encoding"}


def may_upgrade(method: bytes, headers: Iterable[Header]) -> bool:
    """Whether a request can be an opening handshake (RFC 6455, section 4.1): a GET without a body."""
    return method == b"GET" and all(name not in _BODY or value == b"0" for name, value in headers)


def head_without_upgrade(method: bytes, target: bytes, version: str, headers: Iterable[Header]) -> bytes:
    """Return a request's head as if it asked for no upgrade, which a server may ignore (RFC 9110, section 7.8).

    Names are in lower case.
    """
    lines = [b" ".join([method, target, b"HTTP/" + version.encode()])]
    options: list[bytes] = []
    for name, value in headers:
        if name == b"connection":
            options += [option for part in value.split(b",") if (option := part.strip()).lower() != b"upgrade"]
        if name not in _HOP:
            lines.append(name + b": " + value)
    if options:
        lines.append(b"connection: " + b", ".join(options))
    return b"\r\n".join([*lines, b"", b""])
