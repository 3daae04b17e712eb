"""The processes of the demo as a container engine describes them."""

from collections.abc import Mapping

from chat_api.core.clock import SYSTEM_CLOCK
from chat_api.engine.adopted import PROJECT_LABEL, AdoptedContainers
from chat_api.engine.fact_schemas import ContainerFacts, EnvironmentVariable, PortMapping
from chat_api.engine.ports import SERVICE_LABEL
from chat_api.engine.schemas import ContainerKind, ContainerState, ContainerSummary, ContainerView
from console.demo_bot import HOST, DemoProcess, Shown


def view_of(process: DemoProcess, adopted: AdoptedContainers) -> ContainerView:
    """The view of one. A process is always ours to act on; a container of a fleet is once it is adopted."""
    shown, labels = process.shown, _labels(process.shown)
    return ContainerView(
        bot_name=shown.bot_name,
        kind=shown.kind,
        id=_id(shown),
        name=shown.container,
        state=_state(process),
        is_managed=shown.kind is ContainerKind.PROCESS or adopted.has(shown.container, labels),
        last_seen_at=SYSTEM_CLOCK.now(),
        image=shown.image,
        started_at=process.started_at,
        exit_code=process.exit_code,
        restart_count=process.restart_count,
        port=shown.port,
        inner_port=shown.port,
        service_name=shown.service or None,
        alias=shown.alias,
        is_bot=shown.alias is not None,
        labels=labels,
    )


def summary_of(process: DemoProcess, adopted: AdoptedContainers) -> ContainerSummary:
    """Its entry in the list of everything."""
    shown, ports = process.shown, (process.shown.port,) if process.shown.port else ()
    return ContainerSummary(
        name=shown.container,
        id=_id(shown),
        kind=shown.kind,
        state=_state(process),
        image=shown.image,
        exit_code=process.exit_code,
        project=shown.project,
        service=shown.service,
        bot=shown.bot_name if shown.is_bot else None,
        is_labelled=shown.kind is ContainerKind.PROCESS,
        is_adopted=adopted.has(shown.container, _labels(shown)),
        published=ports,
        inner_ports=ports,
        created_at=process.started_at,
    )


def facts_of(process: DemoProcess, adopted: AdoptedContainers) -> ContainerFacts:
    """Everything about one."""
    port = process.shown.port
    return ContainerFacts(
        view=view_of(process, adopted),
        created_at=process.started_at,
        image_id=None,
        image_digest=None,
        command=" ".join(process.command[1:]),
        ports=(PortMapping(container=f"{port}/tcp", host=f"{HOST}:{port}"),) if port else (),
        environment=(EnvironmentVariable(name="LLM_CHAT_API_URL", value=None),) if process.shown.is_bot else (),
        restart_policy="no",
    )


def _id(shown: Shown) -> str:
    return f"demo-{shown.bot_name if shown.is_bot else shown.container}"


def _labels(shown: Shown) -> Mapping[str, str]:
    return {PROJECT_LABEL: shown.project, SERVICE_LABEL: shown.service} if shown.project else {}


def _state(process: DemoProcess) -> ContainerState:
    return ContainerState.RUNNING if process.is_running else ContainerState.EXITED
