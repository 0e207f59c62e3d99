"""The version of Roomtone."""

VERSION = "0.1.0"
"""The same as in pyproject.toml: the code runs from its folder, so there is no installed package that knows it."""
