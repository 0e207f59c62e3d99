"""A fake FFmpeg: it misbehaves as its input file says, and runs the real FFmpeg for any other file.

The word that says how stands behind the first bytes of an Ogg page, so that the file is taken for Ogg.
"""

import sys
from pathlib import Path

import imageio_ffmpeg

from shared.audio.wav import wav_header

_PROGRAM = """#!{python} -IS
import os, select, signal, sys
word = os.pread(0, 64, 6).split(b"\\n")[0].decode(errors="replace")
me = os.getpid()
header = {header!r}

silence = os.pipe()[0]  # nothing is written into it

def hang():
    select.select([silence], [], [], 600)  # no longer, should the test that ought to end it fail

def spin():
    while True:
        pass

def drip():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    os.write(1, header)
    while signal.sigwait([signal.SIGALRM]):
        os.write(1, b"xx")

def endless(fd):
    os.write(fd, header)
    while True:
        os.write(fd, bytes(65536))

def ignore_signals():
    for number in range(1, 32):
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_IGN)
    hang()

def spin_on():
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    spin()

def exit_and_leave_children():
    for _ in range(3):
        if os.fork() == 0:
            hang()
    os.write(1, header + bytes(3200))
    os._exit(0)

def hide_children():
    if os.fork() == 0:
        try:
            os.setsid()
        except OSError:
            pass
        hang()
    os.write(1, header + bytes(3200))
    os._exit(0)

def silent():
    os.close(1)
    hang()

def write_files():
    open({folder!r} + "/written", "wb").write(bytes(1 << 20))

actions = {{
    "crash": lambda: os.kill(me, signal.SIGSEGV),
    "abort": os.abort,
    "eat": lambda: [bytearray(64 << 20) for _ in range(1000)],
    "spin": spin,
    "spin on": spin_on,
    "drip": drip,
    "write endlessly": lambda: endless(1),
    "complain endlessly": lambda: endless(2),
    "write files": write_files,
    "ignore signals": ignore_signals,
    "leave children": exit_and_leave_children,
    "hide children": hide_children,
    "close its output": silent,
    "connect": lambda: None,
}}
if word in actions:
    actions[word]()
    os._exit(1)
os.execv({ffmpeg!r}, [{ffmpeg!r}, *sys.argv[1:]])
"""


def fake_ffmpeg(folder: Path) -> str:
    """Write the program into `folder` and return its path; files that it writes are written there, too."""
    path = folder / "ffmpeg"
    ffmpeg, header = imageio_ffmpeg.get_ffmpeg_exe(), wav_header(0)
    path.write_text(_PROGRAM.format(python=sys.executable, ffmpeg=ffmpeg, folder=str(folder), header=header))
    path.chmod(0o700)
    return str(path)


def misbehaving_file(word: str) -> bytes:
    """Return a file that makes the program do `word`."""
    return b"OggS\x00\x02" + word.encode() + b"\n" + bytes(200)
