"""Where a container listens, from what the engine says of it, running or not."""

from typing import Any

import pytest

from chat_api.engine.ports import BotPorts, container_ports

V2 = ["DISCORD_TOKEN=x", "LLM_MODEL_NAME=llama3"]
V1 = ["DISCORD_BOT_TOKEN=x"]


def _raw(
    *,
    env: list[str] | None = None,
    ports: dict[str, Any] | None = None,
    bindings: dict[str, Any] | None = None,
    exposed: list[str] | None = None,
    labels: dict[str, str] | None = None,
    network: str = "fleet",
) -> dict[str, Any]:
    return {
        "Config": {"Env": env, "Labels": labels, "ExposedPorts": {name: {} for name in exposed or []}},
        "HostConfig": {"PortBindings": bindings, "NetworkMode": network},
        "NetworkSettings": {"Ports": ports},
    }


@pytest.mark.parametrize(
    ("raw", "host", "inner"),
    [
        (_raw(env=V2, ports={"8000/tcp": [{"HostIp": "::", "HostPort": "8001"}]}), 8001, 8000),
        (_raw(env=V2, bindings={"8000/tcp": [{"HostPort": "8001"}]}), 8001, 8000),
        (_raw(env=[*V2, "API_PORT=8007"], bindings={"8007/tcp": [{"HostPort": "8007"}]}), 8007, 8007),
        (_raw(env=[*V2, "API_PORT=8007", "HEALTH_CHECK_PORT=9091"]), None, 8007),
        (_raw(env=[*V1, "HEALTH_CHECK_PORT=9095"], exposed=["9090/tcp", "9095/tcp"]), None, 9095),
        (_raw(exposed=["9090/tcp", "53/udp"]), None, 9090),
        (_raw(env=V2), None, 8000),
        (_raw(env=V1), None, 9090),
        (_raw(), None, None),
        (_raw(env=["API_PORT=8003"], network="host"), 8003, 8003),
        (_raw(labels={"whisperengine.bot.port": "9091"}, ports={"9091/tcp": [{"HostPort": "19091"}]}), 19091, 9091),
        (
            _raw(
                env=["HEALTH_CHECK_PORT=9090"],
                bindings={"9090/tcp": [{"HostPort": "8090"}], "5678/tcp": [{"HostPort": "5678"}]},
            ),
            8090,
            9090,
        ),
        (_raw(env=["API_PORT=no"], bindings={"8000/tcp": [{"HostPort": ""}]}), None, None),
    ],
)
def test_the_ports_of_a_container(raw: dict[str, Any], host: int | None, inner: int | None) -> None:
    """What is published, else what it was made with; its own port by its label, its environment, what it exposes."""
    assert container_ports(raw, label="whisperengine.bot") == BotPorts(host=host, inner=inner)
