"""``./web-ui.sh chaos``: break everything for minutes, and count what was lost."""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.run import Plan, run


def main() -> int:
    """Run, print the counts and the seed; 1 when a promise was broken, and then the trace is kept."""
    given = _parser().parse_args()
    seed = random.randrange(2**32) if given.seed is None else given.seed
    plan = Plan(
        seed=seed,
        client_count=given.clients,
        tab_count=given.tabs,
        server_count=given.servers,
        pause_s=given.pause,
        trouble_s=60 * given.minutes,
    )
    folder = Path(tempfile.mkdtemp(prefix="we-chaos-"))
    report = asyncio.run(run(plan, folder, say=say))
    say(report.text)
    if report.is_good:
        shutil.rmtree(folder, ignore_errors=True)
        return 0
    say(f"trace and logs: {folder}")
    return 1


def say(line: str) -> None:
    """Print at once."""
    print(line, flush=True)  # noqa: T201


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./web-ui.sh chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long things break; 0: each trouble once")
    parser.add_argument("--seed", type=int, help="of the troubles and the clients; printed at the end")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--tabs", type=int, default=2, help="of each client")
    parser.add_argument("--servers", type=int, default=3)
    parser.add_argument("--pause", type=float, default=3.0, help="seconds between two messages of a client")
    return parser


if __name__ == "__main__":
    sys.exit(main())
