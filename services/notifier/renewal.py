"""What a client may say on its connection: a new token, `{"token":"<JWT>"}` (contracts, section 6)."""

import json


def token_in_frame(text: str) -> str | None:
    """Return the token in a client's text frame, or None: whatever else clients say is ignored."""
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return None
    token = frame.get("token") if isinstance(frame, dict) else None
    return token if isinstance(token, str) else None
