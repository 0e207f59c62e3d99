"""Ready-made raw HTTP error responses for requests that never reach ASGI, and checks and changes of raw heads."""

import json
from collections.abc import Collection, Iterable
from http import HTTPStatus


def _raw_error(status: HTTPStatus, message: str, *headers: str) -> bytes:
    body = json.dumps({"status": "error", "message": message}, separators=(",", ":")).encode()
    head = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        *headers,
        "content-type: application/json",
        f"content-length: {len(body)}",
        "connection: close",
    ]
    return "\r\n".join([*head, "", ""]).encode() + body


HEAD_TOO_LARGE = _raw_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request line and headers are too long.")
HEAD_TOO_LARGE_WITH_TOKEN = _raw_error(
    HTTPStatus.UNAUTHORIZED,
    "A valid bearer token is required: send it as Authorization: Bearer <token>.",
    'www-authenticate: Bearer error="invalid_token"',
)
HEAD_TIMEOUT = _raw_error(
    HTTPStatus.REQUEST_TIMEOUT, "The request line and headers did not arrive in time: send them again."
)
MALFORMED = _raw_error(
    HTTPStatus.BAD_REQUEST, "This can't be read as HTTP/1.1: check the request line, headers and chunks."
)
_NOT_ONE_HOST = _raw_error(HTTPStatus.BAD_REQUEST, "Send exactly one Host header.")
_UNSUPPORTED_CODING = _raw_error(
    HTTPStatus.NOT_IMPLEMENTED, "Transfer-Encoding may only be chunked: send the body without compression."
)


class RequestRejected(Exception):
    """Raised while a head is parsed, to stop the parser; `response` is sent instead of the application's."""

    def __init__(self, response: bytes) -> None:
        super().__init__()
        self.response = response


Header = tuple[bytes, bytes]


def check_head(headers: Collection[Header], version: str) -> None:
    """Raise RequestRejected for a head that no request may have; names are in lower case.

    There is one Host, save in HTTP/1.0 (RFC 9112, section 3.2), and no transfer coding but `chunked` (section 6.1):
    a body would be stored in its coding, as if that were the recording.
    """
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) > 1 or (not hosts and version == "1.1"):
        raise RequestRejected(_NOT_ONE_HOST)
    codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    if codings and codings != [b"chunked"]:
        raise RequestRejected(_UNSUPPORTED_CODING)


_UPGRADE_HEADERS = {b"upgrade", b"connection"}
_BODY_HEADERS = {b"content-length", b"transfer-encoding"}


def is_websocket_handshake(method: bytes, headers: Iterable[Header]) -> bool:
    """Whether a request can be an opening handshake (RFC 6455, section 4.1): a GET without a body."""
    return method == b"GET" and all(name not in _BODY_HEADERS or value == b"0" for name, value in headers)


def strip_upgrade(method: bytes, target: bytes, version: str, headers: Iterable[Header]) -> bytes:
    """Return a request's head without its Upgrade header, which a server may ignore (RFC 9110, section 7.8).

    Names are in lower case.
    """
    lines = [b" ".join([method, target, b"HTTP/" + version.encode()])]
    options: list[bytes] = []
    for name, value in headers:
        if name == b"connection":
            options += [option for part in value.split(b",") if (option := part.strip()).lower() != b"upgrade"]
        if name not in _UPGRADE_HEADERS:
            lines.append(name + b": " + value)
    if options:
        lines.append(b"connection: " + b", ".join(options))
    return b"\r\n".join([*lines, b"", b""])
