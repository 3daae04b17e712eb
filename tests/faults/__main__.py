"""``./web-ui.sh faults``: every fault and every healthy oddity so many times, and how often each was told rightly."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from chat_api.bots.schemas import Contract
from chat_api.core.database import Database
from chat_api.embedded.servers import embedded_servers
from models.migrate import upgrade
from tests.faults.cases import BOTH, FAULTS, HEALTHY, WITHIN_S
from tests.faults.rounds import Round, Stage, fault_round, healthy_round
from tests.support.sample_bots import sample_bot
from tests.support.still_fleet import Hands


def main() -> int:
    """Run; 1 when a fault was missed, was told too late, or was told where there was none."""
    parser = argparse.ArgumentParser(prog="./web-ui.sh faults", description=__doc__)
    parser.add_argument("--times", type=int, default=50, help="rounds of each")
    parser.add_argument("--only", default="", help="those with this text in their kind (fault, healthy) or name")
    given = parser.parse_args()
    return asyncio.run(_run(given.times, only=given.only))


async def _run(times: int, *, only: str) -> int:
    failed = 0
    async with _stage() as stage:
        for kind, name, contract, play in _all(stage):
            if only not in f"{kind} {name}":
                continue
            rounds = [await play() for _ in range(times)]
            wrong = [one.error or "late" for one in rounds if one.error or (one.named_s or 0) > WITHIN_S]
            failed += len(wrong)
            slowest = max((one.named_s or 0 for one in rounds), default=0)
            took = f", named within {slowest} s" if kind == "fault" else ""
            _say(f"{kind:8} {contract}  {name:32} {times - len(wrong)}/{times} right{took}")
            for error in dict.fromkeys(wrong):
                _say(f"             {error}")
    _say(f"{failed} wrong")
    return 1 if failed else 0


def _all(stage: Stage) -> Iterator[tuple[str, str, Contract, Callable[[], Awaitable[Round]]]]:
    for case in FAULTS:
        for contract in case.contracts:
            yield "fault", case.name, contract, partial(fault_round, stage, case, contract)
    for name, play in HEALTHY:
        for contract in BOTH:
            yield "healthy", name, contract, partial(healthy_round, stage, play, contract)


@asynccontextmanager
async def _stage() -> AsyncIterator[Stage]:
    """A database of its own, and a bot of each generation."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="we-faults-")))
        endpoints = await stack.enter_async_context(embedded_servers(folder / "state", valkey=False))
        assert endpoints.database_url
        await upgrade(endpoints.database_url)
        database = Database(endpoints.database_url, pool_size=2)
        stack.push_async_callback(database.dispose)
        bots = {one: await stack.enter_async_context(sample_bot("elena", contract=one)) for one in BOTH}
        yield Stage(bots=bots, database=database, folder=folder, hands=Hands())


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
