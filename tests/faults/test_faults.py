"""Eight faults behind a healthy ``/health``: each named with its cause within a minute, none where there is none."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chat_api.bots.schemas import Contract
from chat_api.core.database import Database
from tests.faults.cases import BOTH, FAULTS, HEALTHY, WITHIN_S, Case, Play
from tests.faults.rounds import Stage, fault_round, healthy_round
from tests.support.sample_bots import RunningBot, sample_bot
from tests.support.still_fleet import Hands


@pytest.fixture(scope="module")
async def bots() -> AsyncIterator[dict[Contract, RunningBot]]:
    """A bot of each generation."""
    async with sample_bot("elena", contract="v1") as v1, sample_bot("elena", contract="v2") as v2:
        yield {"v1": v1, "v2": v2}


@pytest.fixture
async def stage(bots: dict[Contract, RunningBot], database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """The bots, and a database in which their answers are counted."""
    database = Database(database_url, pool_size=2)
    yield Stage(bots=bots, database=database, folder=tmp_path, hands=Hands())
    await database.dispose()


@pytest.mark.parametrize(
    ("case", "contract"),
    [pytest.param(case, contract, id=f"{case.name}-{contract}") for case in FAULTS for contract in case.contracts],
)
async def test_a_fault_is_named_with_its_cause(stage: Stage, case: Case, contract: Contract) -> None:
    """Within a minute of people's talk; neither before nor after is anything said."""
    ended = await fault_round(stage, case, contract)
    assert not ended.error
    assert ended.named_s is not None
    assert ended.named_s <= WITHIN_S


@pytest.mark.parametrize("contract", BOTH)
@pytest.mark.parametrize("play", [pytest.param(play, id=name) for name, play in HEALTHY])
async def test_nothing_is_said_of_a_healthy_bot(stage: Stage, play: Play, contract: Contract) -> None:
    """Short answers, greetings, one bad moment, and queues that are worked on are no faults."""
    assert not (await healthy_round(stage, play, contract)).error
