"""`python -m deploy.local`."""

import signal


def main() -> None:
    """Run the one-machine form; Ctrl-C while its libraries are imported ends it without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from deploy.local.command import main as run  # noqa: PLC0415  # a second's worth of imports

    run()


if __name__ == "__main__":
    main()
