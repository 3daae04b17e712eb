"""Restarts of real containers and Swarm services in a real engine, through the same service as button and API."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from chat_api.core.errors import Conflict, EngineUnavailable, NotFound, PermissionDenied
from chat_api.core.principals import Principal
from chat_api.engine.schemas import ContainerKind, ContainerState
from chat_api.fleet.schemas import BotStatus, BotView, FleetView
from chat_api.restarts.schemas import RestartFilter
from chat_api.restarts.service import MAX_PARALLEL
from models import BotAction, RestartState, Role
from tests.chat_api.restarts.stage import admin as operator
from tests.chat_api.restarts.stage import staged
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.docker_engine import BotContainer, BotService, DockerEngineHandle
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot


async def admin(api: RunningApi, role: Role = Role.ADMIN) -> Principal:
    """An administrator of this role."""
    return await api.services.auth.authenticate(await api.admin_login(role), is_admin=True)


def view_of(api: RunningApi, name: str) -> BotView | None:
    """A bot as every page sees it now."""
    return next((bot for bot in api.services.fleet.current().bots if bot.name == name), None)


def is_online(api: RunningApi, name: str) -> bool:
    """Whether the fleet shows the bot online."""
    view = view_of(api, name)
    return view is not None and view.status is BotStatus.ONLINE


@pytest.fixture(params=[ContainerKind.CONTAINER, ContainerKind.SERVICE])
def labelled_bot(
    request: pytest.FixtureRequest,
    bot_container: Callable[..., BotContainer],
    bot_service: Callable[[str], BotService],
) -> str:
    """The name of a bot that only its Docker label describes, once a container and once a Swarm service."""
    if request.param is ContainerKind.CONTAINER:
        bot_container("elena")
    else:
        bot_service("elena")
    return "elena"


@pytest.fixture
async def docker_api(make_settings: MakeSettings, docker_engine: DockerEngineHandle) -> AsyncIterator[RunningApi]:
    """The API over the real engine, with nothing but labels to find bots by."""
    async with running_api(make_settings(docker_host=docker_engine.host)) as api:
        yield api


@pytest.mark.docker
async def test_a_restart_is_done_when_the_bot_answers_again(
    docker_api: RunningApi, labelled_bot: str, database_url: str
) -> None:
    """Progress is published step by step, the estimate is learned, one audit row names who asked."""
    await eventually(lambda: is_online(docker_api, labelled_bot))
    who = await admin(docker_api)
    states: list[RestartState] = []

    def note(view: FleetView) -> None:
        restart = next((bot.restart for bot in view.bots if bot.restart), None)
        if restart and (not states or states[-1] is not restart.state):
            states.append(restart.state)

    with docker_api.services.fleet.changes.listening(note):
        requested = await docker_api.services.restarts.restart(who, labelled_bot)
        assert requested.state is RestartState.REQUESTED
        assert requested.estimate_s == 30
        await eventually(lambda: states and states[-1] is RestartState.ONLINE)
    assert states == sorted(states, key=list(RestartState).index)
    assert is_online(docker_api, labelled_bot)
    recent = await docker_api.services.restarts.history.found(who, RestartFilter())
    assert recent[0].duration_s is not None
    assert await docker_api.services.restarts.history.estimate_s(labelled_bot) == round(recent[0].duration_s, 1)
    lines = [(line.action, line.actor_name) for line in await docker_api.services.audit.find(who)]
    assert lines.count(("bot.restart", who.username)) == 1


@pytest.mark.docker
async def test_a_hundred_clicks_are_one_engine_call(
    docker_api: RunningApi, docker_engine: DockerEngineHandle, bot_container: Callable[..., BotContainer]
) -> None:
    """Everybody joins the restart that is under way; the engine saw the container stop once."""
    bot_container("elena")
    await eventually(lambda: is_online(docker_api, "elena"))
    who = await admin(docker_api)
    restarts = docker_api.services.restarts
    views = await asyncio.gather(*(restarts.restart(who, "elena") for _ in range(100)))
    assert len({view.restart_id for view in views}) == 1
    await eventually(lambda: is_online(docker_api, "elena"))
    events = docker_engine.client.events(
        since=views[0].requested_at,
        until=datetime.now(UTC) + timedelta(seconds=1),  # the engine counts whole seconds
        filters={"event": "restart"},
        decode=True,
    )
    assert len(await asyncio.to_thread(list, events)) == 1
    assert len(await restarts.history.found(who, RestartFilter())) == 1


@pytest.mark.docker
async def test_a_killed_container_is_seen_at_once_and_comes_back(
    docker_api: RunningApi, bot_container: Callable[..., BotContainer]
) -> None:
    """The event stream shows it offline with its exit code; a restart from here brings it back online."""
    bot = bot_container("elena")
    await eventually(lambda: is_online(docker_api, "elena"))
    bot.container.kill()

    def exited() -> bool:
        view = view_of(docker_api, "elena")
        return bool(view and view.status is BotStatus.OFFLINE and view.container and view.container.exit_code == 137)

    await eventually(exited)
    view = view_of(docker_api, "elena")
    assert view is not None
    assert view.container is not None
    assert view.container.state is ContainerState.EXITED
    await docker_api.services.restarts.restart(await admin(docker_api), "elena")
    await eventually(lambda: is_online(docker_api, "elena"))


@pytest.mark.docker
async def test_a_restart_that_does_not_heal_says_why(
    make_settings: MakeSettings, docker_engine: DockerEngineHandle, bot_container: Callable[..., BotContainer]
) -> None:
    """A container that runs but never answers fails with the reason and its last log lines."""
    bot_container("elena")
    settings = make_settings(docker_host=docker_engine.host, bot_restart_timeout=0.5)
    async with running_api(settings) as api:
        await eventually(lambda: is_online(api, "elena"))
        who = await admin(api)
        # The registry now points at a port where nobody answers.
        config = settings.bots_config
        assert config is not None
        config.write_text("- {name: elena, url: 'http://127.0.0.1:9'}\n")
        await api.services.registry.refresh()
        await api.services.restarts.restart(who, "elena")

        async def failed() -> bool:
            newest = (await api.services.restarts.history.found(who, RestartFilter()))[0]
            return newest.state is RestartState.FAILED

        await eventually(failed)
        error = (await api.services.restarts.history.found(who, RestartFilter()))[0].error or ""
        assert "did not answer its health check" in error
        assert "Last log lines" in error


@pytest.mark.docker
async def test_an_unlabelled_container_is_never_touched(
    make_settings: MakeSettings, docker_engine: DockerEngineHandle, bot_container: Callable[..., BotContainer]
) -> None:
    """A container with a bot's name but without the label is shown, and cannot be restarted."""
    bot = bot_container("elena", labels={}, name="elena-bot")
    settings = make_settings(docker_host=docker_engine.host)
    assert settings.bots_config is not None
    settings.bots_config.write_text(f"- {{name: elena, url: '{bot.url}'}}\n")
    async with running_api(settings) as api:
        await eventually(lambda: (view := view_of(api, "elena")) and view.container)
        with pytest.raises(NotFound):
            await api.services.restarts.restart(await admin(api), "elena")


@pytest.mark.docker
async def test_stop_and_start_for_real(docker_api: RunningApi, labelled_bot: str) -> None:
    """A container, and a Swarm service: down and said by whom, then up and answering; both are in the history."""
    await eventually(lambda: is_online(docker_api, labelled_bot))
    who, restarts = await admin(docker_api), docker_api.services.restarts
    stopped = await restarts.finished(await restarts.stop(who, labelled_bot))
    assert stopped.state is RestartState.STOPPED

    def is_down() -> bool:
        view = view_of(docker_api, labelled_bot)
        return view is not None and view.status is BotStatus.OFFLINE and view.error == f"stopped by {who.username}"

    await eventually(is_down)
    started = await restarts.finished(await restarts.start(who, labelled_bot))
    assert started.state is RestartState.ONLINE
    await eventually(lambda: is_online(docker_api, labelled_bot))
    assert (await docker_api.services.policies.policy(who, labelled_bot)).stopped_at is None
    assert [view.action for view in await restarts.history.found(who, RestartFilter())] == ["start", "stop"]
    assert [line.action for line in await docker_api.services.audit.find(who)][:2] == ["bot.start", "bot.stop"]


async def test_a_bulk_tells_what_cannot_be_done(make_settings: MakeSettings, elena: RunningBot) -> None:
    """Never more than five at once; one that fails, one unknown and one without a container are told, the rest done."""
    names = [f"bot{number:02}" for number in range(12)]
    at_once: list[int] = []

    async def count(bot_name: str, reason: str) -> None:
        at_once.append(sum(bot.restart is not None and bot.restart.is_running for bot in stage.fleet.current().bots))
        stage.engine.views.pop("bot11", None)  # gone after it was accepted
        await asyncio.sleep(0.05)

    async with staged(make_settings, elena, names, before_restart=count) as stage:
        del stage.engine.views["bot03"]
        stage.engine.refuses.add("bot05")
        bulk = await stage.restarts.act_on(operator(), BotAction.RESTART, [*names, "nobody", "bot01"])
        told = {one.bot_name: one.error for one in bulk.outcomes if not one.is_accepted}
        assert told == {
            "bot03": "No container that the console may act on runs this bot. Adopt one on the Adopt page.",
            "nobody": "No such bot.",
        }

        async def done() -> bool:
            rows = await stage.restarts.history.found(operator(), RestartFilter(group_id=bulk.group_id))
            return len(rows) == 11 and all(row.finished_at for row in rows)

        await eventually(done)
        assert max(at_once) == MAX_PARALLEL
        rows = await stage.restarts.history.found(operator(), RestartFilter(group_id=bulk.group_id))
        assert {row.bot_name: row.error for row in rows if row.error} == {
            "bot05": "The engine refused.\nLast log lines:\none\ntwo",
            "bot11": "No container that the console may act on runs this bot. Adopt one on the Adopt page.",
        }
        assert {row.origin for row in rows} == {"bulk"}


async def test_evidence_comes_before_the_restart(make_settings: MakeSettings, elena: RunningBot) -> None:
    """Whoever keeps evidence is asked first, and cannot keep a bot down by failing; a start has nothing to keep."""
    kept: list[tuple[str, str, int]] = []

    async def keep(bot_name: str, reason: str) -> None:
        kept.append((bot_name, reason, len(stage.engine.calls)))
        raise RuntimeError("no room for evidence")

    async with staged(make_settings, elena, ["elena"], before_restart=keep) as stage:
        for act in (stage.restarts.restart, stage.restarts.stop, stage.restarts.start):
            await stage.restarts.finished(await act(operator(), "elena"))
        assert kept == [("elena", "restart by olga", 0), ("elena", "stop by olga", 1)]
        assert [action for action, _ in stage.engine.calls] == ["restart", "stop", "start"]


async def test_two_things_at_once_are_refused(make_settings: MakeSettings, elena: RunningBot) -> None:
    """A stop while it restarts has to wait, in this process and in another; a failed stop is no wish to be down."""
    gate = asyncio.Event()

    async def wait(bot_name: str, reason: str) -> None:
        await gate.wait()

    async with (
        staged(make_settings, elena, ["elena"], before_restart=wait) as one,
        staged(make_settings, elena, ["elena"], engine=one.engine) as two,
    ):
        begun = await one.restarts.restart(operator(), "elena")
        for process in (one, two):
            with pytest.raises(Conflict, match="olga is restarting this bot"):
                await process.restarts.stop(operator(), "elena")
        joined = await two.restarts.restart(operator(), "elena")
        gate.set()
        ends = await asyncio.gather(one.restarts.finished(begun), two.restarts.finished(joined))
        assert [end.state for end in ends] == [RestartState.ONLINE] * 2
        assert one.engine.asked("restart") == ["elena"]
        one.engine.refuses.add("elena")
        failed = await one.restarts.finished(await one.restarts.stop(operator(), "elena"))
        assert failed.state is RestartState.FAILED
        assert (await one.policies.policy(operator(), "elena")).stopped_at is None


async def test_without_an_engine_the_answer_is_clear(api: RunningApi, elena: RunningBot) -> None:
    """The console and the API say that there is no engine; unknown bots are not found; nothing is stored."""
    who = await admin(api)
    with pytest.raises(EngineUnavailable):
        await api.services.restarts.restart(who, elena.name)
    with pytest.raises(NotFound):
        await api.services.restarts.restart(who, "nobody")
    assert await api.services.restarts.history.found(who, RestartFilter()) == ()


async def test_a_viewer_may_look_and_not_restart(api: RunningApi, elena: RunningBot) -> None:
    """Denied by the service itself, and written down; so with start, stop and many at once."""
    viewer = await admin(api, Role.VIEWER)
    restarts = api.services.restarts
    for attempt in (
        restarts.start(viewer, elena.name),
        restarts.stop(viewer, elena.name),
        restarts.act_on(viewer, BotAction.RESTART, [elena.name]),
        restarts.restart(viewer, elena.name),
    ):
        with pytest.raises(PermissionDenied):
            await attempt
    newest = (await api.services.audit.find(viewer))[0]
    assert (newest.action, newest.outcome, newest.actor_name) == ("bot.restart", "denied", viewer.username)


async def test_what_a_dead_console_left_running_is_ended(
    make_settings: MakeSettings, elena: RunningBot, database_url: str
) -> None:
    """A restart row of a process that died does not lock the bot for ever."""
    async with running_api(make_settings(bots=(elena,))) as api:
        connection = await asyncpg.connect(database_url)
        await connection.execute(
            "INSERT INTO web_bot_restarts (id, bot_name, requested_by, requested_at, state)"
            " VALUES (gen_random_uuid(), 'elena', 'ghost', now() - interval '1 hour', 'stopping')"
        )
        await connection.close()
        await api.services.restarts.abandon_dead()
        newest = (await api.services.restarts.history.found(await admin(api), RestartFilter()))[0]
        assert newest.state is RestartState.FAILED
        assert newest.finished_at is not None


async def test_how_many_people_a_restart_would_hit(api: RunningApi) -> None:
    """Two people wrote to elena just now, nobody to marcus."""
    for name in ("alice", "bob"):
        await api.services.messages.send(await api.principal(name), bot_name="elena", content="Hello")
    who = await admin(api)
    assert (await api.services.restarts.history.affected(who, ["elena"])).total == 2
    assert (await api.services.restarts.history.affected(who, ["marcus"])).total == 0
