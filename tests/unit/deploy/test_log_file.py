"""The log files of the engines."""

from pathlib import Path

from deploy.local.log_file import last_line, open_log


def test_a_log_is_appended_to_until_it_is_large_and_then_rotated_once(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "engine.log"
    for _ in range(2):
        with open_log(path) as log:
            log.write(b"x" * 600_000)
    assert path.stat().st_size == 1_200_000
    with open_log(path) as log:
        log.write(b"anew\n")
    assert path.read_bytes() == b"anew\n"
    assert (tmp_path / "logs" / "engine.log.1").stat().st_size == 1_200_000


def test_the_last_line_is_the_last_that_is_not_blank(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    assert last_line(path) == ""
    path.write_bytes(b"first\nthe port is taken\n\n  \n")
    assert last_line(path) == "the port is taken"
