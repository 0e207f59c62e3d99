"""What a person at the terminal is told once everything serves."""

READY = "Roomtone is ready: "
"""How the first line begins; the address follows. Whoever starts the one-machine form as a child waits for it."""


def welcome(*, address: str, recordings: str, bus: str, with_token: bool = False) -> str:
    """Say where everything is, with one line to paste that sends a second of silence and gets its WAV.

    Where callers need a token, the line takes it from TOKEN.
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
