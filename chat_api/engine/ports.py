"""Where a bot's container listens, running or not. Source: Docker Engine API v1.41, "inspect"; bot contract, "ports".

A stopped container has no ``NetworkSettings.Ports``; what it was made with stays: ``HostConfig.PortBindings``,
``Config.ExposedPorts``, ``Config.Env`` and its labels.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SERVICE_LABEL = "com.docker.compose.service"
# By the variables that only one generation has; v1 is the other.
_V2_MARKS = frozenset({"DISCORD_TOKEN", "LLM_PROVIDER", "LLM_MODEL_NAME"})
_V1_MARKS = frozenset({"DISCORD_BOT_TOKEN", "LLM_CHAT_API_URL", "LLM_CHAT_MODEL"})
_CHECKED_PORT = re.compile(r":(\d{2,5})/")
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class BotPorts:
    """``host``: where the machine offers it. ``inner``: where it listens itself. None: not known."""

    host: int | None
    inner: int | None


def container_ports(raw: Json, *, label: str) -> BotPorts:
    """The ports of one answer of ``GET /containers/{id}/json``."""
    config, made_with = raw["Config"], raw.get("HostConfig") or {}
    published = _published((raw.get("NetworkSettings") or {}).get("Ports") or {}) or _published(
        made_with.get("PortBindings") or {}
    )
    inner = (
        _port((config.get("Labels") or {}).get(f"{label}.port"))
        or _env_port(config.get("Env"))
        or _only(published)
        or _only(_tcp(config.get("ExposedPorts") or {}))
        or _default_port(config.get("Env"))
        or _of_several(config, [*published, *_tcp(config.get("ExposedPorts") or {})])
    )
    if str(made_with.get("NetworkMode")) == "host":
        return BotPorts(host=inner, inner=inner)
    # A lone port that is published is the bot's, whatever its environment calls its own.
    host = published.get(inner or 0) or (next(iter(published.values())) if len(published) == 1 else None)
    return BotPorts(host=host, inner=inner)


def service_ports(labels: Json, environment: Sequence[str] | None, *, label: str) -> BotPorts:
    """The ports of a Swarm service: those of its label or environment, which it offers under the same number."""
    port = _port(labels.get(f"{label}.port")) or _env_port(environment)
    return BotPorts(host=port, inner=port)


def variable(environment: Sequence[str] | None, name: str) -> str | None:
    """One variable of a container's environment."""
    return _variables(environment).get(name) or None


def _variables(environment: Sequence[str] | None) -> dict[str, str]:
    return dict(str(line).partition("=")[::2] for line in environment or ())


def _env_port(environment: Sequence[str] | None) -> int | None:
    variables = _variables(environment)
    names = ("API_PORT", "HEALTH_CHECK_PORT") if variables.keys() & _V2_MARKS else ("HEALTH_CHECK_PORT", "API_PORT")
    return next((port for name in names if (port := _port(variables.get(name)))), None)


def _default_port(environment: Sequence[str] | None) -> int | None:
    names = _variables(environment).keys()
    return 8000 if names & _V2_MARKS else 9090 if names & _V1_MARKS else None


def _published(raw: Json) -> dict[int, int]:
    """The host's port for each port of the container."""
    found: dict[int, int] = {}
    for name, bindings in raw.items():
        inner = _tcp_port(str(name))
        ipv4_first = sorted(bindings or (), key=lambda one: ":" in str(one.get("HostIp")))
        host = next((port for one in ipv4_first if (port := _port(one.get("HostPort")))), None)
        if inner and host:
            found[inner] = host
    return found


def _tcp(raw: Json) -> dict[int, int]:
    return {port: port for name in raw if (port := _tcp_port(str(name)))}


def _tcp_port(name: str) -> int | None:
    number, _, protocol = name.partition("/")
    return _port(number) if protocol in {"", "tcp"} else None


def _of_several(config: Json, ports: Sequence[int]) -> int | None:
    """Which of a bot's ports is its API's: the one its own health check asks, else a generation's default."""
    test = " ".join(str(part) for part in (config.get("Healthcheck") or {}).get("Test") or ())
    checked = _CHECKED_PORT.search(test)
    wanted = [int(checked[1])] if checked else []
    return next((port for port in (*wanted, 9090, 8000) if port in ports), None)


def _only(ports: Mapping[int, int]) -> int | None:
    return next(iter(ports)) if len(ports) == 1 else None


def _port(text: object) -> int | None:
    said = str(text or "").strip()
    return int(said) if said.isascii() and said.isdigit() and 0 < int(said) <= 65_535 else None
