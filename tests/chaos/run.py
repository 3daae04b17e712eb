"""One run: people write, things break, all is mended, and what remains is judged."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg

from models.connections import connect
from tests.chaos.people import Doors, Person
from tests.chaos.troubles import Trouble, Troubles
from tests.chaos.verdict import Verdict, judge
from tests.chaos.world import World, world
from tests.support.eventually import eventually

# A run whose process died is marked interrupted within 60 s. Source: protocol, "Rules of messages".
END_S = 60.0
CAUGHT_UP_S = 30.0
_PENDING = "SELECT count(*) FROM web_conversations WHERE status = 'pending'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How big and how long. ``trouble_s`` 0: each trouble once; else at random for so many seconds."""

    seed: int
    client_count: int = 60
    tab_count: int = 2
    server_count: int = 3
    pause_s: float = 1.5
    trouble_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run came to, as text, and whether all promises were kept."""

    verdict: Verdict
    text: str

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, doubled, or left pending."""
        return not self.verdict.violations


class Trace:
    """What happened when, in a file: enough to follow one message through everything."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("w")
        self._started_s = time.monotonic()

    def note(self, who: str, what: str) -> None:
        """Write a line."""
        self._file.write(f"{time.monotonic() - self._started_s:9.3f} {who} {what}\n")

    def close(self) -> None:
        """Write all, and no more."""
        self._file.close()


async def run(plan: Plan, folder: Path, *, say: Callable[[str], None] = lambda _: None) -> Report:
    """Run a plan under ``folder``, which keeps the trace and the servers' logs."""
    trace = Trace(folder / "trace")
    started_s = time.monotonic()
    try:
        async with (
            world(folder, server_count=plan.server_count, seed=plan.seed) as here,
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(limit=0)) as http,
        ):
            doors = Doors(
                urls=tuple(server.url for server in here.servers), front_url=here.front_url, http=http, note=trace.note
            )
            troubles = Troubles(here, chance=random.Random(plan.seed), note=lambda what: trace.note("trouble", what))
            people = [
                Person(
                    f"client{number}",
                    tab_count=plan.tab_count,
                    pause_s=plan.pause_s,
                    doors=doors,
                    seed=plan.seed * 1_000_003 + number,
                )
                for number in range(plan.client_count)
            ]
            settled_s = await _live(plan, here, people, troubles, say)
            verdict = await judge(here, people)
            text = _text(plan, verdict, troubles, settled_s=settled_s, took_s=time.monotonic() - started_s)
            return Report(verdict=verdict, text=text)
    finally:
        trace.close()


async def _live(
    plan: Plan, here: World, people: list[Person], troubles: Troubles, say: Callable[[str], None]
) -> dict[str, float]:
    """Write, break, mend, and let everything come to an end; how long that took, in seconds."""
    async with asyncio.TaskGroup() as tasks:
        for person in people:
            await person.arrive()
        tabs = [tab for person in people for tab in person.tabs]
        for person in people:
            tasks.create_task(person.watch())
        await eventually(lambda: all(tab.is_live.is_set() for tab in tabs))
        say(f"{len(people)} clients with {len(tabs)} tabs on {len(here.servers)} servers; seed {plan.seed}")
        stop = asyncio.Event()
        writers = [tasks.create_task(person.write(stop)) for person in people]
        await _trouble(plan, troubles, say)
        mended_s = time.monotonic()
        stop.set()
        await _within(asyncio.gather(*writers), END_S)
        written_s = time.monotonic() - mended_s
        await _within(_nothing_pending(here.database_url), END_S - written_s)
        ended_s = time.monotonic() - mended_s
        await _within(_all_told(here.database_url, people), CAUGHT_UP_S)
        told_s = time.monotonic() - mended_s
        for tab in tabs:
            tab.close()
    return {"written": written_s, "ended": ended_s, "told": told_s}


async def _trouble(plan: Plan, troubles: Troubles, say: Callable[[str], None]) -> None:
    """Two lines of trouble at once: processes that go, and networks and bots that fail."""
    chance = random.Random(plan.seed + 1)
    deadline_s = time.monotonic() + plan.trouble_s

    async def line(kinds: tuple[Trouble, ...]) -> None:
        while True:
            # A server that is killed leaves what takes half a minute to be noticed: that comes first.
            for trouble in kinds if not plan.trouble_s else chance.sample(kinds, len(kinds)):
                say(f"  {trouble.__name__}")
                await troubles.cause(trouble)
                await asyncio.sleep(chance.uniform(0.3, 1.0))
                if plan.trouble_s and time.monotonic() > deadline_s:
                    return
            if not plan.trouble_s:
                return

    await asyncio.gather(line(troubles.of_processes), line(troubles.of_networks))


async def _within(done: Awaitable[object], limit_s: float) -> None:
    """Wait no longer than that: what has not come to its end is for the verdict to say."""
    try:
        async with asyncio.timeout(max(1.0, limit_s)):
            await done
    except TimeoutError:
        pass


async def _nothing_pending(database_url: str) -> None:
    connection = await connect(database_url)
    try:
        await eventually(lambda: _is_zero(connection), deadline_s=2 * END_S, interval_s=0.2)
    finally:
        await connection.close()


async def _is_zero(connection: asyncpg.Connection) -> bool:
    return not await connection.fetchval(_PENDING)


async def _all_told(database_url: str, people: list[Person]) -> None:
    connection = await connect(database_url)
    try:
        last_seqs = dict(await connection.fetch("SELECT user_id, last_seq FROM web_streams"))
    finally:
        await connection.close()
    await eventually(
        lambda: all(tab.seq >= last_seqs.get(person.user_id, 0) for person in people for tab in person.tabs),
        deadline_s=2 * CAUGHT_UP_S,
    )


def _text(plan: Plan, verdict: Verdict, troubles: Troubles, *, settled_s: dict[str, float], took_s: float) -> str:
    lines = [
        f"seed={plan.seed} clients={plan.client_count} tabs={plan.tab_count} servers={plan.server_count}"
        f" took={took_s:.0f}s",
        " ".join(f"{name}={count}" for name, count in verdict.counts.items()),
        "troubles: " + " ".join(f"{name}={count}" for name, count in sorted(troubles.counts.items())),
        "after the last trouble: " + " ".join(f"{name} {seconds:.1f}s" for name, seconds in settled_s.items()),
        f"violations={len(verdict.violations)}",
    ]
    return "\n".join([*lines, *verdict.violations[:50]])
