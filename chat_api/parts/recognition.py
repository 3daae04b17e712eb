"""What a container is to a fleet, from its image and its names. Source: bot contract, "as its operator has it"."""

import hashlib
import re
from collections.abc import Iterable, Mapping

from chat_api.core.language import N_
from chat_api.engine.schemas import PART_PREFIX, ContainerState, ContainerSummary
from chat_api.fleet.schemas import PartRole
from chat_api.parts.schemas import Part, Recognition

# As long as the subject of a series and the cause of an alert may be.
MAX_KEY_CHARS = 45
_STORES: Mapping[str, str] = {
    "postgres": "PostgreSQL",
    "postgresql": "PostgreSQL",
    "pgvector": "PostgreSQL",
    "timescaledb": "PostgreSQL",
    "pgbouncer": "PgBouncer",
    "redis": "Redis",
    "valkey": "Valkey",
    "qdrant": "Qdrant",
    "neo4j": "Neo4j",
    "influxdb": "InfluxDB",
    "mariadb": "MariaDB",
    "mysql": "MySQL",
    "mongo": "MongoDB",
    "minio": "MinIO",
}
_SERVICES: Mapping[str, str] = {
    "grafana": "Grafana",
    "prometheus": "Prometheus",
    "loki": "Loki",
    "ollama": "Ollama",
    "vllm": "vLLM",
    "litellm": "LiteLLM",
    "nginx": "nginx",
    "caddy": "Caddy",
    "traefik": "Traefik",
    "haproxy": "HAProxy",
    "cloudflared": "Cloudflare Tunnel",
}
_WORKER = re.compile(r"(?:^|[-_])worker(?:[-_]|$)")
_JOB = re.compile(r"(?:^|[-_])(?:migrate|migrations?|init|setup|seed|backup)(?:[-_]|$)")
_LEADING = re.compile(r"^whisperengine(?:-v2)?-")
_REPLICA = re.compile(r"[-_]\d+$")
BY_LABEL = N_("It carries the label of a bot.")
BY_BOT_NAME = N_("Its name is a bot's: {clue}.")
BY_IMAGE = N_("Its image is {clue}.")
BY_NAME = N_("Its name says so: {clue}.")
OURS = N_("It belongs to this console.")
UNKNOWN = N_("Nothing tells what it is.")


def recognise(summary: ContainerSummary) -> Recognition:
    """What a container seems to be, and by what."""
    called = _called(summary)
    if summary.is_labelled and summary.bot:
        return Recognition(role=PartRole.BOT, title=summary.bot, reason=BY_LABEL)
    if summary.is_ours:
        return Recognition(role=PartRole.CONSOLE, title=called, reason=OURS)
    if summary.bot:
        return Recognition(role=PartRole.BOT, title=summary.bot, reason=BY_BOT_NAME, clue=summary.name)
    image = _image_name(summary.image)
    for role, titles in ((PartRole.STORE, _STORES), (PartRole.SERVICE, _SERVICES)):
        if image in titles:
            return Recognition(role=role, title=titles[image], reason=BY_IMAGE, clue=summary.image)
    for role, pattern in ((PartRole.WORKER, _WORKER), (PartRole.JOB, _JOB)):
        if pattern.search(called):
            return Recognition(role=role, title=_title(called), reason=BY_NAME, clue=called)
    for role, titles in ((PartRole.STORE, _STORES), (PartRole.SERVICE, _SERVICES)):
        for word in re.split(r"[-_]", called):
            if word in titles:
                return Recognition(role=role, title=titles[word], reason=BY_NAME, clue=called)
    return Recognition(role=PartRole.OTHER, title=called, reason=UNKNOWN)


def fleet_projects(summaries: Iterable[ContainerSummary]) -> frozenset[str]:
    """The compose projects that a fleet is in: one of a bot that is not our own sample, or of what was adopted."""
    return frozenset(
        one.project for one in summaries if one.project and not one.is_ours and (one.bot is not None or one.is_adopted)
    )


def parts_of(summaries: Iterable[ContainerSummary]) -> tuple[Part, ...]:
    """What belongs to the fleet beside its bots: the rest of its projects, and what was adopted."""
    known = tuple(summaries)
    projects = fleet_projects(known)
    parts = []
    for one in known:
        recognition = recognise(one)
        if recognition.role in {PartRole.BOT, PartRole.CONSOLE}:
            continue
        if one.project in projects or one.is_adopted:
            parts.append(part_of(one))
    return tuple(parts)


def part_of(summary: ContainerSummary) -> Part:
    """A container as a part of the fleet."""
    return Part(key=part_key(summary.name), summary=summary, recognition=_in_fleet(summary, recognise(summary)))


def part_key(container: str) -> str:
    """The name of a container among the services of the fleet: itself, or its beginning where it is too long."""
    if len(container) <= MAX_KEY_CHARS - len(PART_PREFIX):
        return f"{PART_PREFIX}{container}"
    digest = hashlib.blake2s(container.encode(), digest_size=4).hexdigest()
    return f"{PART_PREFIX}{container}"[: MAX_KEY_CHARS - 9] + f"-{digest}"


def _in_fleet(summary: ContainerSummary, recognition: Recognition) -> Recognition:
    """What nothing tells of is a service while it runs; what ended well and was never to stay is a job."""
    if recognition.role is not PartRole.OTHER:
        return recognition
    has_ended = summary.state is ContainerState.EXITED and summary.exit_code == 0
    role = PartRole.JOB if has_ended else PartRole.SERVICE
    return Recognition(role=role, title=_title(recognition.title), reason=recognition.reason)


def _called(summary: ContainerSummary) -> str:
    """What its compose file calls it, else its own name without what every container of a fleet has."""
    return (summary.service or _REPLICA.sub("", _LEADING.sub("", summary.name))).lower()


def _title(called: str) -> str:
    """``worker-cognition`` and ``enrichment-worker``: Cognition worker, Enrichment worker."""
    words = [word for word in re.split(r"[-_]", _LEADING.sub("", called)) if word]
    if "worker" in words:
        words = [*(word for word in words if word != "worker"), "worker"]
    text = " ".join("API" if word == "api" else word for word in words)
    return text[:1].upper() + text[1:]


def _image_name(image: str) -> str:
    """``docker.io/library/postgres:16-alpine``: postgres."""
    return image.rsplit("/", 1)[-1].partition("@")[0].partition(":")[0].lower()
