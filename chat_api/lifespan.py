"""Opens every resource in order and closes them in reverse."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from chat_api.background.leader import Leader
from chat_api.background.supervisor import Supervisor
from chat_api.background_tasks import leader_tasks, process_tasks
from chat_api.core.language import speak
from chat_api.core.logging import get_logger
from chat_api.core.tally import Tally
from chat_api.fleet.health_poller import HealthPoller
from chat_api.fleet.relay_worker import FleetRelay
from chat_api.fleet.sources_watcher import SourcesWatcher
from chat_api.messages.socket_manager import WebSocketManager
from chat_api.resources import Resources, open_resources
from chat_api.service_registry import Services
from chat_api.wiring import Wiring, compose, follow_settings

log = get_logger(__name__)

# The server has four seconds after this for open requests; the promise is 25 in all. Source: promises.
DRAIN_S = 17.0


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Everything the application needs, for as long as it runs. Fails the start when something vital is missing."""
    speak(app.state.settings.web_ui_language)  # what is started here inherits it
    async with AsyncExitStack() as stack:
        resources = await open_resources(stack, app.state.settings, app.state.metrics, engine=app.state.engine)
        composition = compose(stack, resources, app.state)
        services = app.state.services = composition.services
        supervisor = app.state.supervisor = await _start_working(app, resources, composition)

        async def drain() -> None:
            """Take no more traffic and send clients elsewhere; the server calls it before it closes sockets itself."""
            services.health.is_draining = True
            services.logs.end_viewers()
            await asyncio.gather(app.state.leader.resign(), app.state.websockets.drain())

        async def finish() -> None:
            """Let what is being answered have its end; the server calls it while callers still wait for it."""
            await services.answers.drain(timeout_s=DRAIN_S)

        app.state.drain, app.state.finish = drain, finish
        try:
            yield
        finally:
            await drain()
            await finish()
            await supervisor.stop()
            await services.system.leave()


async def _start_working(app: FastAPI, resources: Resources, composition: Wiring) -> Supervisor:
    """Know the fleet as it was last seen, and begin all background work."""
    services, state = composition.services, app.state
    state.websockets = _websockets(resources, services, state.sockets_by_address)
    state.poller = HealthPoller(
        services.registry,
        resources.connector,
        services.fleet,
        services.health,
        resources.database,
        interval_s=resources.settings.bot_health_check_interval,
    )
    sources = SourcesWatcher(
        services.registry, services.fleet, state.poller, resources.engine, known=services.known_bots
    )
    relay = FleetRelay(services.fleet, sources, services.pubsub, resources.database)
    state.leader = Leader(
        resources.database,
        services.pubsub,
        leader_tasks(resources, composition, state.poller, sources),
        on_change=resources.metrics.record_leader,
        book=composition.book,
    )
    follow_settings(resources, state, services)
    await sources.refresh()
    await state.poller.restore()
    await relay.catch_up()
    await services.policies.reload()
    await services.answers.heartbeat()
    state.setup_code = await services.admin_setup.prepare_first_admin() if state.makes_admin else None
    tasks = process_tasks(resources, composition, state.websockets, sources, relay)
    supervisor = Supervisor({"leader": state.leader.run} | tasks, book=composition.book)
    supervisor.start()
    log.info("started", bots=len(services.registry.all()), problems=len(services.registry.problems))
    return supervisor


def _websockets(resources: Resources, services: Services, by_address: Tally) -> WebSocketManager:
    settings = resources.settings
    return WebSocketManager(
        services.feeds,
        services.auth,
        services.fleet,
        services.pubsub,
        resources.metrics,
        max_connections=settings.max_concurrent_connections,
        max_connections_per_user=settings.max_connections_per_user,
        by_address=by_address,
        max_frames_per_s=settings.websocket_frames_per_second,
    )
