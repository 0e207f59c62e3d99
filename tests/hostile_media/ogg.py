"""Recomputes the checksums of Ogg pages, so that corrupt bytes reach the codec and not only the container."""

_POLYNOMIAL = 0x04C11DB7
_HEADER, _CHECKSUM, _COUNT = 27, 22, 26  # a page's header in bytes, where its checksum is, and its segments' count


def _row(byte: int) -> int:
    value = byte << 24
    for _ in range(8):
        value = (value << 1) ^ (_POLYNOMIAL if value & 0x80000000 else 0)
    return value & 0xFFFFFFFF


_TABLE = [_row(byte) for byte in range(256)]


def signed_again(content: bytes) -> bytes:
    """Return the pages with valid checksums (RFC 3533, section 6); bytes outside pages stay as they are."""
    pages, at = bytearray(content), 0
    while (at := pages.find(b"OggS", at)) >= 0 and at + _HEADER <= len(pages):
        table = at + _HEADER
        body = table + pages[at + _COUNT]
        end = body + sum(pages[table:body])
        pages[at + _CHECKSUM : at + _CHECKSUM + 4] = bytes(4)
        pages[at + _CHECKSUM : at + _CHECKSUM + 4] = _checksum(pages[at:end]).to_bytes(4, "little")
        at += 4
    return bytes(pages[: len(content)])


def _checksum(page: bytearray) -> int:
    value = 0
    for byte in page:
        value = (value << 8) & 0xFFFFFFFF ^ _TABLE[value >> 24 ^ byte]
    return value
