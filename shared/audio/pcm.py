"""The PCM format inside Roomtone: mono, 16 000 Hz, 16-bit little-endian samples."""

SAMPLE_RATE = 16_000
SAMPLE_BYTES = 2
BYTES_PER_SECOND = SAMPLE_RATE * SAMPLE_BYTES
