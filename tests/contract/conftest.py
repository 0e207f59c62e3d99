"""The one-machine form that the end-to-end tests share."""

from tests.e2e.conftest import machine

__all__ = ["machine"]
