"""``python -m squeezebert`` is the program ``squeezebert``."""

import signal


def run() -> None:
    """Import and run the program; Ctrl-C meanwhile ends it at once, without a traceback."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from squeezebert.cli import program

    program()


if __name__ == "__main__":
    run()
