"""Loopback addresses and the proxies of the environment."""

import os

import pytest

from deploy.local.proxies import go_directly_to_this_machine


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "127.0.0.1,localhost,::1"),
        ("intranet.example", "intranet.example,127.0.0.1,localhost,::1"),
        ("*", "*"),
    ],
)
def test_loopback_addresses_never_go_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch, before: str | None, after: str
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        if before is not None:
            monkeypatch.setenv(name, before)
    go_directly_to_this_machine()
    assert os.environ["NO_PROXY"] == os.environ["no_proxy"] == after
