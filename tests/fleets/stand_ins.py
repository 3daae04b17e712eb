"""What runs in the containers of a fleet that are no bots: programs that say a line and wait for their end."""

from pathlib import Path
from typing import Any

BOT_IMAGE = "whisperengine:latest"
STORE_IMAGES = {
    "postgres": "postgres:16.4-alpine",
    "qdrant": "qdrant/qdrant:v1.15.4",
    "influxdb": "influxdb:2.7-alpine",
    "grafana": "grafana/grafana:11.3.0",
    "neo4j": "neo4j:5.26-community",
    "redis": "redis:7-alpine",
}
STORE_LINES = {
    "postgres": "LOG:  database system is ready to accept connections",
    "qdrant": "INFO qdrant::actix: Qdrant HTTP listening on 6333",
    "influxdb": "lvl=info msg=Listening service=tcp-listener transport=http addr=:8086 port=8086",
    "grafana": 'logger=http.server level=info msg="HTTP Server Listen" address=[::]:3000',
    "neo4j": "INFO  Bolt enabled on 0.0.0.0:7687.",
    "redis": "* Ready to accept connections tcp",
}


def store(name: str) -> dict[str, Any]:
    """A store's service."""
    return waiting(STORE_IMAGES[name], STORE_LINES[name]) | {"restart": "unless-stopped"}


def waiting(image: str, line: str) -> dict[str, Any]:
    """A service that says a line and waits for its end, for the least work."""
    script = 'trap "exit 0" TERM INT; echo "$$0"; sleep 86400 & wait'
    return {"image": image, "command": ["sh", "-c", script, line]}


def write_env(path: Path, **values: str) -> None:
    """An ``.env`` file."""
    write(path, "".join(f"{name}={value}\n" for name, value in values.items()))


def write(path: Path, text: str) -> None:
    """A file, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
