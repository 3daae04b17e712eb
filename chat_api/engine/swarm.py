"""What a Swarm service needs beyond a container: spec updates, and waiting for its tasks. All functions block."""

import struct
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from docker.errors import APIError

from chat_api.core.errors import EngineFailed
from chat_api.core.language import _

POLL_S = 0.2
Json = Mapping[str, Any]
Client = Any  # a docker.APIClient: its stubs leave the Swarm half untyped
# 503: this node is no manager; the others: a proxy, or another engine, that does not offer Swarm.
_NO_SWARM = frozenset({403, 404, 405, 406, 501, 503})


def list_services(client: Client) -> list[Json]:
    """All services, none where there is no Swarm."""
    try:
        return list(client.services())
    except APIError as error:
        if error.status_code in _NO_SWARM:
            return []
        raise


def inspect_service(client: Client, service_id: str) -> dict[str, Any]:
    """One service as the engine describes it. Raises: docker.errors.NotFound."""
    return dict(client.inspect_service(service_id))


def tasks_of(client: Client, service_id: str) -> list[Json]:
    """The tasks of one service, those that have ended included."""
    return list(client.tasks(filters={"service": service_id}))


def all_tasks(client: Client) -> dict[str, list[Json]]:
    """The tasks of all services, by the id of their service, in one call."""
    tasks: dict[str, list[Json]] = {}
    for task in client.tasks():
        tasks.setdefault(str(task["ServiceID"]), []).append(task)
    return tasks


def restart_service(client: Client, service_id: str, *, timeout_s: float) -> None:
    """Replace every task (a force-update) and wait until a new one runs. Raises: EngineFailed past ``timeout_s``."""
    service = inspect_service(client, service_id)
    template = service["Spec"]["TaskTemplate"]
    turn = template["ForceUpdate"] = int(template.get("ForceUpdate") or 0) + 1
    _update(client, service)
    _wait(lambda: any(_runs(task, turn) for task in tasks_of(client, service_id)), timeout_s=timeout_s)


def scale_service(client: Client, service_id: str, *, is_up: bool, timeout_s: float) -> None:
    """Stop all tasks, or bring back as many as there were before, and wait for it.

    Raises: EngineFailed past ``timeout_s``, and for a global service.
    """
    service = inspect_service(client, service_id)
    mode = service["Spec"]["Mode"]
    if "Replicated" not in mode:
        raise EngineFailed("A global service runs on every node: it cannot be stopped or started, only restarted.")
    before = service.get("PreviousSpec", {}).get("Mode", {}).get("Replicated", {}).get("Replicas")
    now = mode["Replicated"].get("Replicas") or 0
    mode["Replicated"]["Replicas"] = (now or before or 1) if is_up else 0
    _update(client, service)
    _wait(lambda: any(_runs(task) for task in tasks_of(client, service_id)) is is_up, timeout_s=timeout_s)


def service_log(client: Client, service_id: str, *, lines: int) -> bytes:
    """The last lines of the tasks of a service.

    Not by the SDK's ``service_logs``, which reads them as an endless stream without a timeout.
    """
    is_tty = inspect_service(client, service_id)["Spec"]["TaskTemplate"]["ContainerSpec"].get("TTY", False)
    url = f"{client.base_url}/v{client.api_version}/services/{service_id}/logs"
    response = client.get(url, params={"stdout": 1, "stderr": 1, "tail": lines}, timeout=client.timeout)
    response.raise_for_status()
    return bytes(response.content) if is_tty else b"".join(_frames(response.content))


def _frames(content: bytes) -> Iterator[bytes]:
    """Source: Docker Engine API, "Attach to a container", stream format: a type, 3 zero bytes, the length."""
    start = 0
    while len(content) - start >= 8:
        (length,) = struct.unpack_from(">xxxxL", content, start)
        yield content[start + 8 : start + 8 + length]
        start += 8 + length


def _update(client: Client, service: Json) -> None:
    # The whole spec goes back as it came, since what an update leaves out is reset; the version makes the engine
    # refuse when somebody else was faster.
    spec = service["Spec"]
    client.update_service(
        service["ID"],
        service["Version"]["Index"],
        task_template=spec["TaskTemplate"],
        name=spec["Name"],
        labels=spec.get("Labels"),
        mode=spec["Mode"],
        update_config=spec.get("UpdateConfig"),
        rollback_config=spec.get("RollbackConfig"),
        endpoint_spec=spec.get("EndpointSpec"),
    )


def _runs(task: Json, turn: int = 0) -> bool:
    return task["Status"]["State"] == "running" and int(task["Spec"].get("ForceUpdate") or 0) >= turn


def _wait(is_done: Callable[[], bool], *, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_done():
        if time.monotonic() > deadline:
            raise EngineFailed(_("The service did not follow within {seconds} seconds.", seconds=f"{timeout_s:g}"))
        time.sleep(POLL_S)
