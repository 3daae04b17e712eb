"""The real container engine: a Docker Engine through its SDK, plain or a Swarm manager.

A container is addressed by its *name*, so that a proxy before the engine can tell by the path whether it is a bot's.
"""

import functools
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from datetime import datetime
from typing import TypeVar

from docker.errors import APIError

from chat_api.core.blocking import BlockingCalls
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.errors import Conflict, EngineUnavailable
from chat_api.core.language import N_, _
from chat_api.core.logging import get_logger
from chat_api.core.text import fold
from chat_api.engine import swarm
from chat_api.engine.adopted import AdoptedContainers
from chat_api.engine.client import BoundedClient, EngineTls, translated_errors
from chat_api.engine.details import ContainerDetails
from chat_api.engine.events import follow_events
from chat_api.engine.fact_schemas import ContainerFacts
from chat_api.engine.facts import read_facts
from chat_api.engine.interface import STOP_GRACE_S, ContainerEngine, NoEngine
from chat_api.engine.log_schemas import RawLine
from chat_api.engine.logs import HISTORY_S, follow_logs, read_history
from chat_api.engine.schemas import (
    PART_PREFIX,
    ContainerEvent,
    ContainerKind,
    ContainerState,
    ContainerSummary,
    ContainerUsage,
    ContainerView,
)
from chat_api.engine.stats import UsageMeter
from chat_api.engine.summaries import container_summary, listed_view, service_summary
from chat_api.engine.views import (
    SERVICE_ID_LABEL,
    Json,
    bot_of,
    container_event,
    container_view,
    service_view,
    unread_view,
)

CALL_TIMEOUT_S = 10
# How long an engine may take for what it does beside waiting for the container itself.
ENGINE_TIME_S = 60.0
MAX_PARALLEL_CALLS = 4
MAX_PARALLEL_READS = 4
SERVICE_TIMEOUT_S = 60.0
MAX_LOG_LINES = 2000
MAX_LOG_LINE_CHARS = 4000
T = TypeVar("T")
log = get_logger(__name__)

__all__ = ["ContainerEngine", "DockerEngine", "NoEngine"]


class DockerEngine:
    """A Docker Engine through its SDK, without ever blocking the event loop."""

    title = "Docker"

    def __init__(
        self,
        docker_host: str,
        *,
        label: str = "whisperengine.bot",
        adopted: AdoptedContainers | None = None,
        tls: EngineTls | None = None,
        clock: Clock = SYSTEM_CLOCK,
        call_timeout_s: int = CALL_TIMEOUT_S,
    ) -> None:
        self._host = docker_host
        self._label = label
        self.adopted = adopted or AdoptedContainers()
        self._tls = tls
        self._clock = clock
        self._timeout_s = call_timeout_s
        self._calls = BlockingCalls(limit=MAX_PARALLEL_CALLS, name="docker")
        self._client: BoundedClient | None = None
        self._connecting = threading.Lock()
        self._service_bots: dict[str, str] = {}
        self._meter = UsageMeter()
        # Of their own: a slow look at figures or a long history must not keep a restart waiting.
        self._reads = BlockingCalls(limit=MAX_PARALLEL_READS, name="docker")
        self._details = ContainerDetails()

    async def ping(self) -> float:
        """See ``ContainerEngine``."""
        started_s = self._clock.monotonic_s()
        await self._call(_answers)
        return (self._clock.monotonic_s() - started_s) * 1000

    async def list_bots(self) -> tuple[ContainerView, ...]:
        """See ``ContainerEngine``. Of several containers of one bot, the labelled, running, newest one is shown."""
        views = await self._call(lambda client: list(self._views(client, None)))
        best = {fold(view.bot_name): view for view in sorted(views, key=_rank)}
        return tuple(best[name] for name in sorted(best))

    async def list_containers(self) -> tuple[ContainerSummary, ...]:
        """See ``ContainerEngine``."""
        return await self._call(lambda client: tuple(sorted(self._summaries(client), key=lambda one: one.name)))

    async def inspect(self, bot_name: str) -> ContainerView | None:
        """See ``ContainerEngine``."""
        if bot_name.startswith(PART_PREFIX):
            return await self._call(lambda client: self._part(client, bot_name))
        views = await self._call(lambda client: list(self._views(client, bot_name)))
        return max(views, key=_rank, default=None)

    async def restart(self, view: ContainerView, *, timeout_s: float = STOP_GRACE_S) -> None:
        """See ``ContainerEngine``. Raises: Conflict when it may not be acted on, NotFound when it is gone."""

        def act(client: BoundedClient) -> None:
            self._check_managed(client, view)
            if view.kind is ContainerKind.SERVICE:
                swarm.restart_service(client, view.id, timeout_s=timeout_s + SERVICE_TIMEOUT_S)
            else:
                client.act(view.name, "restart", wait_s=timeout_s + ENGINE_TIME_S, t=int(timeout_s))

        await self._call(act, extra_s=timeout_s + SERVICE_TIMEOUT_S)

    async def start(self, view: ContainerView) -> None:
        """See ``ContainerEngine``. Raises: Conflict when it may not be acted on, NotFound when it is gone."""

        def act(client: BoundedClient) -> None:
            self._check_managed(client, view)
            if view.kind is ContainerKind.SERVICE:
                swarm.scale_service(client, view.id, is_up=True, timeout_s=SERVICE_TIMEOUT_S)
            else:
                client.act(view.name, "start", wait_s=ENGINE_TIME_S)

        await self._call(act, extra_s=SERVICE_TIMEOUT_S)

    async def stop(self, view: ContainerView, *, timeout_s: float = STOP_GRACE_S) -> None:
        """See ``ContainerEngine``. Raises: Conflict when it may not be acted on, NotFound when it is gone."""

        def act(client: BoundedClient) -> None:
            self._check_managed(client, view)
            if view.kind is ContainerKind.SERVICE:
                swarm.scale_service(client, view.id, is_up=False, timeout_s=timeout_s + SERVICE_TIMEOUT_S)
            else:
                client.act(view.name, "stop", wait_s=timeout_s + ENGINE_TIME_S, t=int(timeout_s))

        await self._call(act, extra_s=timeout_s + SERVICE_TIMEOUT_S)

    async def logs_tail(self, view: ContainerView, lines: int = 200) -> tuple[str, ...]:
        """See ``ContainerEngine``. Raises: NotFound when it is gone."""
        count = max(1, min(lines, MAX_LOG_LINES))

        def act(client: BoundedClient) -> bytes:
            if view.kind is ContainerKind.SERVICE:
                return swarm.service_log(client, view.id, lines=count)
            return bytes(client.logs(view.name, tail=count))

        text = (await self._call(act)).decode(errors="replace").replace("\0", "")
        return tuple(line[:MAX_LOG_LINE_CHARS] for line in text.splitlines()[-count:])

    def follow_logs(
        self, view: ContainerView, read: Callable[[RawLine], T | None], *, since_ns: int | None, tail: int | None = None
    ) -> AsyncGenerator[tuple[T, ...], None]:
        """See ``ContainerEngine``."""
        return follow_logs(self._connect, view, read, since_ns=since_ns, tail=tail)

    async def log_history(
        self,
        view: ContainerView,
        read: Callable[[RawLine], T | None],
        *,
        since_ns: int,
        until_ns: int,
        limit: int,
        newest: bool = True,
    ) -> tuple[list[T], bool]:
        """See ``ContainerEngine``. Raises: NotFound when it is gone."""
        span = {"since_ns": since_ns, "until_ns": until_ns, "limit": limit}
        return await self._read(
            lambda client: read_history(client, view, read, newest=newest, **span), extra_s=HISTORY_S
        )

    async def facts(self, view: ContainerView) -> ContainerFacts:
        """See ``ContainerEngine``. Raises: NotFound when it is gone."""
        return await self._read(lambda client: read_facts(client, view))

    async def stats(self, view: ContainerView) -> ContainerUsage:
        """See ``ContainerEngine``. Raises: NotFound when it is gone, or does not run."""
        return await self._read(lambda client: self._meter.measure(client, view))

    def events(self, since: datetime | None = None) -> AsyncGenerator[ContainerEvent, None]:
        """See ``ContainerEngine``."""
        parse = functools.partial(container_event, services=self._service_bots, label=self._label, adopted=self.adopted)
        return follow_events(self._connect, parse, since=since)

    async def close(self) -> None:
        """See ``ContainerEngine``."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def _call(self, act: Callable[[BoundedClient], T], *, extra_s: float = 0.0) -> T:
        try:
            with translated_errors():
                return await self._calls.run(lambda: act(self._connect()), timeout_s=self._timeout_s + extra_s)
        except EngineUnavailable:
            await self.close()  # what comes back may be another engine: negotiate the version anew
            raise

    async def _read(self, act: Callable[[BoundedClient], T], *, extra_s: float = 0.0) -> T:
        with translated_errors():
            return await self._reads.run(lambda: act(self._connect()), timeout_s=self._timeout_s + extra_s)

    def _connect(self) -> BoundedClient:
        if (known := self._client) is not None:
            return known
        # Outside the lock: with a hung engine each thread waits for itself, not for all before it.
        client = BoundedClient(self._host, timeout_s=self._timeout_s, tls=self._tls)
        with self._connecting:
            if (known := self._client) is None:
                self._client = client
                return client
        client.close()
        return known

    def _views(self, client: BoundedClient, bot_name: str | None) -> Iterator[ContainerView]:
        now = self._clock.now()
        services = {str(raw["ID"]): raw for raw in swarm.list_services(client)}
        for service_id, raw in services.items():
            bot = bot_of(str(raw["Spec"]["Name"]), raw["Spec"].get("Labels"), label=self._label, adopted=self.adopted)
            if bot is None:
                continue
            self._service_bots[service_id] = bot[0]
            if bot_name is None or fold(bot_name) == fold(bot[0]):
                tasks = swarm.tasks_of(client, service_id)
                if view := service_view(raw, tasks, label=self._label, now=now, adopted=self.adopted):
                    yield view
        summaries = {
            name: summary for summary in client.containers(all=True) if (name := self._wanted(summary, bot_name))
        }
        for name, details in self._details.read(client, summaries).items():
            if view := self._container(summaries[name], name, details, now):
                yield view

    def _wanted(self, summary: Json, bot_name: str | None) -> str | None:
        """The name of a listed container that is the bot asked for, or any bot."""
        labels = summary.get("Labels") or {}
        if SERVICE_ID_LABEL in labels:  # a task: its service stands for it
            return None
        for name in (str(raw).lstrip("/") for raw in summary.get("Names") or ()):
            bot = bot_of(name, labels, label=self._label, adopted=self.adopted)
            if bot is not None and (bot_name is None or fold(bot_name) == fold(bot[0])):
                return name
        return None

    def _summaries(self, client: BoundedClient) -> Iterator[ContainerSummary]:
        services = swarm.list_services(client)
        tasks = swarm.all_tasks(client) if services else {}
        for raw in services:
            yield service_summary(raw, tasks.get(str(raw["ID"]), ()), label=self._label, adopted=self.adopted)
        for raw in client.containers(all=True):
            if SERVICE_ID_LABEL not in (raw.get("Labels") or {}):  # a task: its service stands for it
                summary = container_summary(raw, label=self._label, adopted=self.adopted)
                if summary is not None:
                    yield summary

    def _part(self, client: BoundedClient, key: str) -> ContainerView | None:
        """What is no bot, by its name; where a proxy keeps its details from us, what the list tells."""
        name, now = key.removeprefix(PART_PREFIX), self._clock.now()
        for raw in swarm.list_services(client):
            if raw["Spec"]["Name"] == name:
                tasks = swarm.tasks_of(client, str(raw["ID"]))
                return service_view(raw, tasks, label=self._label, now=now, adopted=self.adopted, part=key)
        listed = [one for one in client.containers(all=True) if f"/{name}" in map(str, one.get("Names") or ())][:1]
        for raw in listed:
            details = self._details.read(client, {name: raw})[name]
            return self._container(raw, name, details, now, part=key)
        return None

    def _container(
        self, summary: Json, name: str, details: Json | Exception, now: datetime, *, part: str | None = None
    ) -> ContainerView | None:
        """One container's fault stays its own: it is shown as unknown, with the reason."""
        if isinstance(details, APIError) and details.status_code == 404:
            return None  # it was removed since it was listed
        if isinstance(details, APIError) and details.status_code == 403:  # a proxy keeps its details from us
            return listed_view(summary, name, label=self._label, now=now, adopted=self.adopted, part=part)
        if not isinstance(details, Exception):
            try:
                return container_view(details, label=self._label, now=now, adopted=self.adopted, part=part)
            except (LookupError, TypeError, AttributeError, ValueError) as error:
                details = error
        reason = N_("the container engine does not answer for it")
        if not isinstance(details, TimeoutError):
            log.debug("container_not_read", container=name, error=repr(details)[:200])
            reason = N_("the container engine can't describe it")
        return unread_view(summary, name, reason, label=self._label, now=now, adopted=self.adopted, part=part)

    def _check_managed(self, client: BoundedClient, view: ContainerView) -> None:
        """Look again before acting: the name may belong to another container by now."""
        if view.kind is ContainerKind.SERVICE:
            service = swarm.inspect_service(client, view.id)["Spec"]
            name, labels = str(service["Name"]), service.get("Labels") or {}
        else:
            container = client.inspect_container(view.name)
            name, labels = view.name, container["Config"].get("Labels") or {}
        if view.bot_name.startswith(PART_PREFIX):
            bot = (f"{PART_PREFIX}{name}", self.adopted.has(name, labels))
        else:
            bot = bot_of(name, labels, label=self._label, adopted=self.adopted) or ("", False)
        if not bot[1] or fold(bot[0]) != fold(view.bot_name):
            raise Conflict(
                _(
                    "{name} has no label {label} and is not adopted: it can only be watched.",
                    name=view.name,
                    label=self._label,
                )
            )


def _answers(client: BoundedClient) -> None:
    """An engine, or a proxy before it, that answers a ping and refuses what we need is not well."""
    client.ping()
    client.containers(limit=1, quiet=True)


def _rank(view: ContainerView) -> tuple[bool, bool, bool, float]:
    started = view.started_at.timestamp() if view.started_at else 0.0
    return view.is_managed, view.kind is ContainerKind.SERVICE, view.state is ContainerState.RUNNING, started
