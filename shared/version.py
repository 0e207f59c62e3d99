"""Which Roomtone this is."""

VERSION = "0.1.0"
"""The same as in pyproject.toml: the code runs from its folder, so no installed package can be asked."""
