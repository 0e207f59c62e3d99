"""Which browsers' pages may call: their `Origin`, told from our own host and from a list (RFC 6454, section 7)."""

from collections.abc import Collection, Sequence
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_allowed(origins: Sequence[str], host: str, allowed: Collection[str]) -> bool:
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


def normal_origin(text: str) -> str:
    """Return an origin as browsers write it; raises ValueError for what can't be one."""
    origin = text.strip().lower().rstrip("/")
    parts = urlsplit(origin)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or origin != f"{parts.scheme}://{parts.netloc}":
        raise ValueError(f"{text!r} is not an origin such as https://app.example.com")
    return origin.removesuffix(f":{_DEFAULT_PORTS[parts.scheme]}")


def listed_origins(value: object) -> object:
    """Split a setting's comma separated list of origins; `*` stands for every one. Raises ValueError."""
    if not isinstance(value, str):
        return value
    items = [item.strip() for item in value.split(",")]
    return [item if item == "*" else normal_origin(item) for item in items if item]


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
