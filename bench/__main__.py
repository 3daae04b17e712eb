"""The command line: ``python -m bench``, or ``./web-ui.sh bench``."""

import argparse
import sys

from bench.plan import full_plan, quick_plan
from bench.run import run_bench
from console.cli import exit_code_of
from console.server import run


def main() -> int:
    """Measure what was asked for. Returns the exit code."""
    given = _parser().parse_args()
    plan = (quick_plan if given.quick else full_plan)(seconds=given.seconds)
    return exit_code_of(lambda: run(run_bench(plan, only=given.only, json_to=given.json)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="web-ui.sh bench", description="Measure the product against baselines in the same run"
    )
    parser.add_argument(
        "--json", nargs="?", const="-", metavar="FILE", help="write JSON to FILE, or instead of the table"
    )
    parser.add_argument("--seconds", type=float, help="seconds a measurement lasts")
    parser.add_argument("--only", nargs="+", default=(), metavar="NAME", help="these scenarios only")
    parser.add_argument("--quick", action="store_true", help="less of everything, within a minute")
    return parser


if __name__ == "__main__":
    sys.exit(main())
