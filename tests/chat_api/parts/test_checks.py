"""Whether anybody answers at a part's port, on real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from chat_api.engine.schemas import ContainerKind, ContainerState, ContainerSummary
from chat_api.fleet.schemas import PartRole, ServiceStatus
from chat_api.fleet.views import service_view
from chat_api.parts.checks import PartChecks
from chat_api.parts.recognition import part_key
from chat_api.parts.schemas import Part, Recognition
from tests.support.ports import free_port


def _store(port: int) -> Part:
    summary = ContainerSummary(
        name="postgres", id="1", kind=ContainerKind.CONTAINER, state=ContainerState.RUNNING, published=(port,)
    )
    recognition = Recognition(role=PartRole.STORE, title="PostgreSQL", reason="")
    return Part(key=part_key("postgres"), summary=summary, recognition=recognition)


@asynccontextmanager
async def _listening(port: int) -> AsyncIterator[None]:
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port):
        yield


async def test_a_store_that_answers_no_more_stays_down_until_it_does() -> None:
    """At every look, not at the first one alone; and for the process that takes over the looking, too."""
    checks, part = PartChecks(is_inside=False), _store(free_port())
    assert (await checks.report(part)).status is ServiceStatus.HEALTHY, "perhaps we cannot get there"
    async with _listening(part.summary.published[0]):
        answered = await checks.report(part)
    assert (answered.status, answered.latency_ms is None) == (ServiceStatus.HEALTHY, False)
    for _ in range(3):
        report = await checks.report(part)
        assert (report.status, report.fault) == (ServiceStatus.UNHEALTHY, "does not accept connections")

    successor = PartChecks(is_inside=False)
    successor.recall(service_view(None, report))
    assert (await successor.report(part)).status is ServiceStatus.UNHEALTHY
    async with _listening(part.summary.published[0]):
        assert (await successor.report(part)).status is ServiceStatus.HEALTHY


async def test_a_worker_that_takes_no_notice_of_a_stop_has_not_crashed() -> None:
    """It is killed in the end, with exit code 137; who takes over the looking knows, and when it was up again since."""
    asked = {"worker"}
    summary = ContainerSummary(
        name="worker", id="1", kind=ContainerKind.CONTAINER, state=ContainerState.EXITED, exit_code=137
    )
    recognition = Recognition(role=PartRole.WORKER, title="Worker", reason="")
    part = Part(key=part_key("worker"), summary=summary, recognition=recognition)
    checks = PartChecks(is_inside=False, was_asked_to_stop=asked.__contains__)
    stopped = await checks.report(part)
    assert stopped.status is ServiceStatus.STOPPED
    asked.clear()
    checks.recall(service_view(None, stopped))
    assert (await checks.report(part)).status is ServiceStatus.UNHEALTHY, "it was started, and killed"

    successor = PartChecks(is_inside=False)
    successor.recall(service_view(None, stopped))
    assert (await successor.report(part)).status is ServiceStatus.STOPPED
    up = replace(part, summary=replace(summary, state=ContainerState.RUNNING, exit_code=None))
    assert (await successor.report(up)).status is ServiceStatus.HEALTHY
    assert (await successor.report(part)).status is ServiceStatus.UNHEALTHY


async def test_a_port_that_is_published_no_more_is_not_missed() -> None:
    """A container that was made anew without it is not looked for where it was."""
    checks, part = PartChecks(is_inside=False), _store(free_port())
    async with _listening(part.summary.published[0]):
        await checks.report(part)
    moved = replace(part, summary=replace(part.summary, published=()))
    assert (await checks.report(moved)).status is ServiceStatus.HEALTHY
