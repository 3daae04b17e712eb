"""Starts of parts: of what is only watched nothing is read."""

from collections.abc import Callable

import pytest

from chat_api.changes.journal import ConfigurationJournal
from chat_api.changes.parts_worker import PartChangesWorker
from chat_api.changes.values import Values
from chat_api.core.database import Database
from chat_api.engine.docker import DockerEngine
from chat_api.engine.fact_schemas import ContainerFacts
from chat_api.engine.schemas import ContainerView
from tests.support.docker_engine import BotContainer, DockerEngineHandle


class Released(DockerEngine):
    """An adoption is taken back between the list and the look at one container."""

    read: tuple[str, ...] = ()

    async def inspect(self, bot_name: str) -> ContainerView | None:
        """Too late."""
        self.adopted.names = {}
        return await super().inspect(bot_name)

    async def facts(self, view: ContainerView) -> ContainerFacts:
        """Note who is read."""
        self.read = (*self.read, view.name)
        return await super().facts(view)


@pytest.mark.docker
async def test_the_environment_of_what_is_adopted_no_more_is_not_read(
    docker_engine: DockerEngineHandle, bot_container: Callable[..., BotContainer], database: Database
) -> None:
    """Parts are read one after the other, so that the list may be old by then."""
    bot_container("worker", name="lone-worker", labels={}, environment={"TOKEN": "x"})
    engine = Released(docker_engine.host)
    engine.adopted.names = {"lone-worker": ""}
    await PartChangesWorker(engine, ConfigurationJournal(database, Values(b"k" * 32))).record()
    assert engine.read == ()
    assert engine.adopted.names == {}, "it was looked at"
    await engine.close()
