"""``python -m sample_bot``: see ``--help``."""

import asyncio
import sys

from sample_bot.options import parse
from sample_bot.prompt import EngineError
from sample_bot.server import serve


def main() -> None:
    """Run one bot; exit with 1 and one line on standard error if it cannot start."""
    options = parse()
    try:
        asyncio.run(serve(options))
    except (OSError, ValueError, EngineError) as exc:
        sys.exit(f"sample bot {options.name}: {exc}")


if __name__ == "__main__":
    main()
