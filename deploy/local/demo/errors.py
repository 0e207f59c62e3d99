"""The demonstration's only error, with a sentence for the person at the terminal."""


class DemoError(Exception):
    """The demonstration can't go on; the message says why and what to do."""
