"""Evidence on a real engine: taken before anybody can destroy it, and there when the container is gone."""

from collections.abc import Callable

import pytest

from chat_api.incidents.schemas import IncidentDetails, IncidentState
from tests.chat_api.restarts.test_service import admin, is_online
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.docker_engine import BotContainer, DockerEngineHandle
from tests.support.eventually import eventually

DYING = (
    "import sys, time; print('\\x1b[31mlast words', flush=True);"
    " print('sk-abcdefgh12345678 is a secret', flush=True); time.sleep(3); sys.exit(3)"
)


async def incident_of(api: RunningApi, bot_name: str) -> IncidentDetails | None:
    """The newest incident of a bot once it has evidence."""
    who = await admin(api)
    found = await api.services.incidents.newest(who, bot_name=bot_name)
    details = await api.services.incidents.details(who, found[0].incident_id) if found else None
    return details if details and details.evidence else None


@pytest.mark.docker
async def test_a_recreated_container_leaves_its_logs_in_the_incident(
    make_settings: MakeSettings, docker_engine: DockerEngineHandle, bot_container: Callable[..., BotContainer]
) -> None:
    """Exit code and masked log lines are there when the container is removed and made anew, which resolves it."""
    first = bot_container("elena", command=["python", "-c", DYING])
    async with running_api(make_settings(docker_host=docker_engine.host)) as api:
        details = await eventually(lambda: incident_of(api, "elena"))
        assert "exited with code 3" in details.incident.detail
        first.container.remove(force=True)
        bot_container("elena")
        await eventually(lambda: is_online(api, "elena"))

        async def resolved() -> IncidentDetails | None:
            now = await incident_of(api, "elena")
            return now if now and now.incident.state is IncidentState.RESOLVED else None

        details = await eventually(resolved)
        (evidence,) = details.evidence
        assert evidence.facts["exit_code"] == 3
        assert evidence.log_lines == ("last words", "[redacted] is a secret")


@pytest.mark.docker
async def test_a_bot_that_runs_out_of_memory_says_so(
    make_settings: MakeSettings, docker_engine: DockerEngineHandle, bot_container: Callable[..., BotContainer]
) -> None:
    """The kernel's kill is in the incident's facts and in its words."""
    eating = "b = []\nprint('hungry', flush=True)\nwhile True: b.append(bytearray(4_000_000))"
    bot_container("ryan", command=["python", "-c", eating], mem_limit="32m", memswap_limit="32m")
    async with running_api(make_settings(docker_host=docker_engine.host)) as api:
        details = await eventually(lambda: incident_of(api, "ryan"))
        assert "ran out of memory" in details.incident.detail
        assert details.evidence[0].facts["oom_killed"] is True
        assert details.evidence[0].log_lines == ("hungry",)
