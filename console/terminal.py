"""What commands tell the person at the terminal."""

import sys


def say(*lines: str) -> None:
    """Print whole lines, at once even into a pipe."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def complain(message: str) -> None:
    """Print an error."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()
