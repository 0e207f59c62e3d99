"""Path parameters that accept any text, so that the handler checks them, and the paths of health checks."""

import re

from starlette.convertors import StringConvertor, register_url_convertor


class _Anything(StringConvertor):
    """Matches slashes, dots and line breaks too; the default would give 404 where the contract says 400."""

    regex = r"[\s\S]*"


ANY_TEXT = "anything"
HEALTH_PATHS = frozenset({"/health", "/livez", "/readyz", "/metrics"})
"""Requested by orchestrators and monitors, often and without a token."""
register_url_convertor(ANY_TEXT, _Anything())

_CONVERTED = re.compile(r"\{(\w+):\w+\}")


def display_path(path: str) -> str:
    """Return a route's path as a caller would write it: `{name:anything}` is `{name}`."""
    return _CONVERTED.sub(r"{\1}", path)
