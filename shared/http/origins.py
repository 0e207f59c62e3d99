"""Under which names a server may be asked for: told from the `Host` of a request (RFC 9110, section 7.2)."""

import ipaddress
import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from urllib.parse import urlsplit

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{0,5})?", re.ASCII)


def is_host_allowed(hosts: Sequence[str], allowed: Collection[str]) -> bool:
    """Decide by the request's `Host` headers: a name of this very machine, a listed one, or none at all.

    A page whose own name was made to lead to this machine (DNS rebinding) is of the same origin as we are, for its
    browser; only the name tells. Every browser sends one, so who sends none is not tricked by a page.
    """
    if not hosts or "*" in allowed:
        return True
    return len(hosts) == 1 and (_is_this_machine(hosts[0]) or _name(hosts[0]) in allowed)


@lru_cache(maxsize=64)  # asked for each request, nearly always about the same one
def _is_this_machine(host: str) -> bool:
    name = _name(host)
    return name is not None and is_loopback(name)


def is_loopback(name: str) -> bool:
    """Whether a host's name or address never leads off the machine (RFC 6761, section 6.3)."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def parse_host_list(value: object) -> object:
    """Split a setting's comma separated list of host names; `*` stands for every one. Raises ValueError."""
    if not isinstance(value, str):
        return value
    return [item if item == "*" else _parse_host(item) for item in map(str.strip, value.split(",")) if item]


def _parse_host(text: str) -> str:
    name = _name(text)
    if name is None or text.lower().strip("[]").rstrip(".") != name:
        raise ValueError(f"{text!r} is not a host name such as app.example.com, without scheme and port")
    return name


def _name(host: str) -> str | None:
    """Return a host's name without its port, in lower case; None for what is none."""
    found = _HOST.fullmatch(host.strip().lower())
    return None if found is None else found[1].strip("[]").rstrip(".")


_DEFAULT_PORTS = {"http": 80, "https": 443}


def is_origin_allowed(origins: Sequence[str], host: str, allowed: Collection[str]) -> bool:
    """Decide by the request's `Origin` headers and its `Host`.

    Browsers always send an origin with what a page could do harm by; who sends none is not a browser and can't be
    tricked by a page. A page of the very host that it calls is fine; another one must be listed, or the list must
    hold `*`.
    """
    if not origins:
        return True
    if len(origins) > 1:
        return False
    origin = origins[0].lower()
    return "*" in allowed or origin in allowed or _same_host(origin, host.lower())


def normalize_origin(text: str) -> str:
    """Return an origin as browsers write it; raises ValueError for what can't be one."""
    origin = text.strip().lower().rstrip("/")
    parts = urlsplit(origin)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or origin != f"{parts.scheme}://{parts.netloc}":
        raise ValueError(f"{text!r} is not an origin such as https://app.example.com")
    return origin.removesuffix(f":{_DEFAULT_PORTS[parts.scheme]}")


def parse_origin_list(value: object) -> object:
    """Split a setting's comma separated list of origins; `*` stands for every one. Raises ValueError."""
    if not isinstance(value, str):
        return value
    items = [item.strip() for item in value.split(",")]
    return [item if item == "*" else normalize_origin(item) for item in items if item]


def _same_host(origin: str, host: str) -> bool:
    """Compare without the scheme: behind a proxy that ends TLS we do not see the one the browser used."""
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
