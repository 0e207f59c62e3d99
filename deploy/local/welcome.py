"""The text shown at the terminal once everything serves."""

READY = "Roomtone is ready: "
"""The start of the first line; the address follows. A parent process of the one-machine form waits for it."""


def welcome(*, address: str, recordings: str, bus: str, with_token: bool = False) -> str:
    """Return the addresses and a line to paste into a shell that sends a second of silence and gets its WAV.

    Where callers need a token, that line takes it from TOKEN.
    """
    token = ' -H "Authorization: Bearer $TOKEN"' if with_token else ""
    attempt = (
        "S=hello-$(date +%s); "
        f"head -c 32000 /dev/zero | curl -fsS{token} -F audio_chunk=@- {address}/upload_chunk/$S && "
        f"curl -fsS{token} -X POST {address}/finalize/$S"
    )
    return "\n".join(
        [
            f"{READY}{address}",
            f"  recordings  {recordings}",
            f"  events      {bus} (subjects roomtone.v1.>)",
            f"  try it      {attempt}",
            "  stop        Ctrl-C",
        ]
    )
