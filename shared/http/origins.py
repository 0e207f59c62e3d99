"""Checks of the Host (RFC 9110, section 7.2) and Origin headers, and the settings that list allowed ones."""

import ipaddress
import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from urllib.parse import urlsplit

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{0,5})?", re.ASCII)


def is_host_allowed(hosts: Sequence[str], allowed: Collection[str]) -> bool:
    """Whether the request's `Host` headers name this machine or a listed host, or are absent.

    A page whose host name resolves to this machine (DNS rebinding) has the same origin as this server for its browser;
    only the name shows it. Every browser sends a Host, so a request without one is not made by a page.
    """
    if not hosts or "*" in allowed:
        return True
    return len(hosts) == 1 and (_is_this_machine(hosts[0]) or _name(hosts[0]) in allowed)


@lru_cache(maxsize=64)  # called for each request, nearly always with the same host
def _is_this_machine(host: str) -> bool:
    name = _name(host)
    return name is not None and is_loopback(name)


def is_loopback(name: str) -> bool:
    """Whether a host's name or address always means the machine itself (RFC 6761, section 6.3)."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def parse_host_list(value: object) -> object:
    """Split a setting's comma separated list of host names; `*` allows all. Raises ValueError."""
    if not isinstance(value, str):
        return value
    return [item if item == "*" else _parse_host(item) for item in map(str.strip, value.split(",")) if item]


def _parse_host(text: str) -> str:
    name = _name(text)
    if name is None or text.lower().strip("[]").rstrip(".") != name:
        raise ValueError(f"{text!r} is not a host name such as app.example.com, without scheme and port")
    return name


def _name(host: str) -> str | None:
    """Return a host's name without its port, in lower case; None if it is malformed."""
    found = _HOST.fullmatch(host.strip().lower())
    return None if found is None else found[1].strip("[]").rstrip(".")


_DEFAULT_PORTS = {"http": 80, "https": 443}


def is_origin_allowed(origins: Sequence[str], host: str, allowed: Collection[str]) -> bool:
    """Whether the request's `Origin` headers are absent, of its `Host`, or allowed; `*` allows all.

    Browsers send an Origin with every request by which a page could do harm; a request without one is not made by a
    page.
    """
    if not origins:
        return True
    if len(origins) > 1:
        return False
    origin = origins[0].lower()
    return "*" in allowed or origin in allowed or _same_host(origin, host.lower())


def normalize_origin(text: str) -> str:
    """Return an origin as browsers write it; raises ValueError for any other text."""
    origin = text.strip().lower().rstrip("/")
    parts = urlsplit(origin)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or origin != f"{parts.scheme}://{parts.netloc}":
        raise ValueError(f"{text!r} is not an origin such as https://app.example.com")
    return origin.removesuffix(f":{_DEFAULT_PORTS[parts.scheme]}")


def parse_origin_list(value: object) -> object:
    """Split a setting's comma separated list of origins; `*` allows all. Raises ValueError."""
    if not isinstance(value, str):
        return value
    items = [item.strip() for item in value.split(",")]
    return [item if item == "*" else normalize_origin(item) for item in items if item]


def _same_host(origin: str, host: str) -> bool:
    """Compare without the scheme: behind a proxy that terminates TLS the browser's scheme is unknown."""
    try:
        parts = urlsplit(origin)
        default = _DEFAULT_PORTS[parts.scheme]
        ours = urlsplit(f"{parts.scheme}://{host}")
        return bool(parts.hostname) and (parts.hostname, parts.port or default) == (
            ours.hostname,
            ours.port or default,
        )
    except (KeyError, ValueError):
        return False
