"""Installs the servers to compare with below one folder, from npm, Debian and PyPI, at locked versions."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

_HERE = Path(__file__).parent
_SECONDS = 300


class CannotInstallError(Exception):
    """A server can't be installed on this machine; the message says why."""


def tus_server(folder: Path) -> Path:
    """Install @tus/server with its file store from npm; returns the script to run with node."""
    return _once(folder / "tus", "server.js", _npm)


def nginx(folder: Path) -> Path:
    """Unpack Debian's nginx, without installing it; returns the program."""
    return _once(folder / "nginx", "usr/sbin/nginx", _debian)


def tuspyserver(folder: Path) -> Path:
    """Install tuspyserver from PyPI into a virtual environment; returns its interpreter."""
    return _once(folder / "tuspy", "bin/python", _pypi)


def _once(folder: Path, result: str, install: Callable[[Path], None]) -> Path:
    mark = folder / "installed"
    if not mark.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        install(folder)
        mark.touch()
    return folder / result


def _npm(folder: Path) -> None:
    for name in ("package.json", "package-lock.json", "server.js"):
        shutil.copy(_HERE / "tus" / name, folder / name)
    _run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], folder)


def _debian(folder: Path) -> None:
    try:
        _run(["apt-get", "download", "nginx"], folder)
    except CannotInstallError:  # a fresh machine has no lists yet
        _run(["apt-get", "update", "-qq"], folder)
        _run(["apt-get", "download", "nginx"], folder)
    package = next(folder.glob("nginx_*.deb"))
    _run(["dpkg", "-x", package.name, "."], folder)
    _run([str(folder / "usr/sbin/nginx"), "-V"], folder)  # fails where a library that it needs is missing


def _pypi(folder: Path) -> None:
    _run([sys.executable, "-m", "venv", str(folder)], folder)
    lock = str(_HERE / "tuspy" / "requirements.lock")
    install = ["-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--require-hashes", "-r", lock]
    _run([str(folder / "bin/python"), *install], folder)


def _run(command: Sequence[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except FileNotFoundError as exc:
        raise CannotInstallError(f"{command[0]} is not on this machine") from exc
    except subprocess.TimeoutExpired as exc:
        raise CannotInstallError(f"{' '.join(command[:2])} took longer than {_SECONDS} s") from exc
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().rpartition("\n")[2]
        raise CannotInstallError(f"{' '.join(command[:2])} failed: {last}")
