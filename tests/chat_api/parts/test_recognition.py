"""What containers are taken for: the real names of both generations, and strangers."""

from dataclasses import replace

import pytest

from chat_api.engine.adopted import AdoptedContainers
from chat_api.engine.schemas import ContainerState, ContainerSummary
from chat_api.engine.summaries import container_summary, service_summary
from chat_api.fleet.schemas import PartRole, ServiceStatus, ServiceView
from chat_api.parts.checks import DONE, HEALTHY, found
from chat_api.parts.recognition import MAX_KEY_CHARS, part_key, part_of, parts_of, recognise
from console.pages.part.page import _head_html

LABEL = "whisperengine.bot"
V1 = "whisperengine-multi"


def _summary(name: str, service: str = "", project: str = "", image: str = "app:1", **raw: object) -> ContainerSummary:
    labels = {"com.docker.compose.project": project, "com.docker.compose.service": service}
    listed = {"Id": name, "Names": [f"/{name}"], "Image": image, "State": "running", "Labels": labels} | raw
    summary = container_summary(listed, label=LABEL, adopted=AdoptedContainers())
    assert summary is not None
    return summary


@pytest.mark.parametrize(
    ("name", "service", "image", "role", "title"),
    [
        ("elena-bot", "elena-bot", "whisperengine:latest", PartRole.BOT, "elena"),
        ("whisperengine-v2-elena", "elena", "v2-elena", PartRole.BOT, "elena"),
        ("postgres", "postgres", "postgres:16-alpine", PartRole.STORE, "PostgreSQL"),
        ("whisperengine-v2-postgres", "postgres", "pgvector/pgvector:pg16", PartRole.STORE, "PostgreSQL"),
        ("qdrant", "qdrant", "docker.io/qdrant/qdrant:v1.15.4@sha256:0", PartRole.STORE, "Qdrant"),
        ("whisperengine-v2-neo4j", "neo4j", "neo4j:5.15.0", PartRole.STORE, "Neo4j"),
        ("whisperengine-v2-influxdb", "influxdb", "influxdb:2.7", PartRole.STORE, "InfluxDB"),
        ("whisperengine-v2-redis", "redis", "redis:7-alpine", PartRole.STORE, "Redis"),
        ("grafana", "grafana", "grafana/grafana:11.3.0", PartRole.SERVICE, "Grafana"),
        ("enrichment-worker", "enrichment-worker", "whisperengine:latest", PartRole.WORKER, "Enrichment worker"),
        ("v2-worker-cognition-1", "worker-cognition", "v2-worker", PartRole.WORKER, "Cognition worker"),
        ("whisperengine-db-migrate", "db-migrate", "whisperengine:latest", PartRole.JOB, "Db migrate"),
        ("whisperengine-v2-api", "api", "v2-api", PartRole.OTHER, "api"),
        ("minecraft", "", "itzg/minecraft-server", PartRole.OTHER, "minecraft"),
    ],
)
def test_each_real_container_is_taken_for_what_it_is(
    name: str, service: str, image: str, role: PartRole, title: str
) -> None:
    """By its label, its name, its image, in this order."""
    seen = recognise(_summary(name, service, image=image))
    assert (seen.role, seen.title) == (role, title)
    assert seen.why


def test_the_parts_are_those_of_the_fleet_s_projects() -> None:
    """The rest of a project that has a bot in it; neither another project nor our own containers."""
    ours = {"com.docker.compose.project": V1, "whisperengine.console": "true"}
    summaries = [
        _summary("elena-bot", "elena-bot", V1),
        _summary("postgres", "postgres", V1, image="postgres:16"),
        _summary("cdl-web-ui", "cdl-web-ui", V1),
        _summary("whisperengine-console-postgres", Labels=ours, Image="postgres:16"),
        _summary("shop-db", "db", "shop", image="postgres:16"),
    ]
    assert {part.summary.name: part.recognition.role for part in parts_of(summaries)} == {
        "postgres": PartRole.STORE,
        "cdl-web-ui": PartRole.SERVICE,
    }


def test_a_long_name_has_a_key_that_fits_and_is_its_own() -> None:
    """Series and alerts keep keys of bounded length; two long names that begin alike are two parts."""
    keys = {part_key(f"{'a-very-long-name-' * 10}{number}") for number in range(3)}
    assert len(keys) == 3
    assert max(map(len, keys)) <= MAX_KEY_CHARS


@pytest.mark.parametrize(
    ("service", "state", "said", "status", "fault"),
    [
        ("postgres", "running", "Up 2 hours (healthy)", ServiceStatus.HEALTHY, "is down"),
        ("postgres", "running", "Up 2 hours (unhealthy)", ServiceStatus.UNHEALTHY, "is unhealthy"),
        ("postgres", "exited", "Exited (0) 2 minutes ago", ServiceStatus.UNHEALTHY, "is stopped"),
        ("worker-social", "exited", "Exited (143) 2 minutes ago", ServiceStatus.STOPPED, "is down"),
        ("worker-social", "exited", "Exited (1) 2 minutes ago", ServiceStatus.UNHEALTHY, "is down"),
        ("worker-social", "restarting", "Restarting (1) 3 seconds ago", ServiceStatus.UNHEALTHY, "keeps restarting"),
        ("worker-social", "paused", "Up 1 hour (Paused)", ServiceStatus.UNHEALTHY, "is paused"),
        ("db-migrate", "exited", "Exited (0) 2 hours ago", ServiceStatus.HEALTHY, "is down"),
        ("db-migrate", "exited", "Exited (3) 2 hours ago", ServiceStatus.UNHEALTHY, "failed"),
        ("grafana", "", "", ServiceStatus.UNKNOWN, "is down"),
        ("worker-social", "exited", "", ServiceStatus.UNKNOWN, "is down"),  # Podman before 4.3 tells no more
        ("postgres", "exited", "", ServiceStatus.UNHEALTHY, "is down"),
    ],
)
def test_how_a_part_is_follows_from_the_engine_s_list(
    service: str, state: str, said: str, status: ServiceStatus, fault: str
) -> None:
    """Crashed, stopped and done are told apart by role, state and exit code."""
    bot = _summary("elena-bot", "elena-bot", V1)
    (part,) = parts_of([bot, _summary(service, service, V1, State=state, Status=said)])
    finding = found(part)
    assert (finding.status, finding.fault) == (status, fault)


def test_an_entry_without_a_name_is_left_out() -> None:
    """Nothing could be done with it."""
    assert container_summary({"Id": "x", "Names": None}, label=LABEL, adopted=AdoptedContainers()) is None
    assert _summary("odd", State="levitating").state is ContainerState.UNKNOWN


@pytest.mark.parametrize(
    ("replicas", "code", "status"),
    [(0, 137, ServiceStatus.STOPPED), (1, 1, ServiceStatus.UNHEALTHY), (1, 0, ServiceStatus.STOPPED)],
)
def test_a_service_that_was_scaled_to_nothing_was_stopped(replicas: int, code: int, status: ServiceStatus) -> None:
    """However its tasks ended; one whose tasks end by themselves is judged by them."""
    task = {"CreatedAt": "2026-01-01", "DesiredState": "shutdown"}
    ended = task | {"Status": {"State": "failed", "ContainerStatus": {"ExitCode": code}}}
    spec = {
        "Name": "worker-social",
        "Labels": {},
        "Mode": {"Replicated": {"Replicas": replicas}},
        "TaskTemplate": {"ContainerSpec": {"Image": "app"}},
    }
    adopted = AdoptedContainers(names={"worker-social": ""})
    summary = service_summary({"ID": "1", "Spec": spec}, [ended], label=LABEL, adopted=adopted)
    (part,) = parts_of([summary])
    assert found(part).status is status
    assert found(part_of(replace(part.summary, state=ContainerState.MISSING))).status is ServiceStatus.UNHEALTHY


def test_only_a_job_that_ended_is_done() -> None:
    """One that runs may do so for hours; one that was made for a single run may be gone afterwards."""
    job = _summary("db-migrate", "db-migrate", V1)
    assert found(part_of(job)) is HEALTHY
    assert found(part_of(replace(job, state=ContainerState.EXITED, exit_code=0))) is DONE
    assert found(part_of(replace(job, state=ContainerState.MISSING))).status is ServiceStatus.STOPPED
    view = ServiceView(name="x", title="Db migrate", status=ServiceStatus.HEALTHY, role=PartRole.JOB)
    assert "Done" not in _head_html(view)
    assert "Done" in _head_html(replace(view, error=DONE.error))
