"""`python -m deploy.local`."""

import signal


def main() -> None:
    """Run the one-machine form; Ctrl-C while its libraries load just ends it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from deploy.local.command import main as run  # noqa: PLC0415  # a second's worth of imports

    run()


if __name__ == "__main__":
    main()
