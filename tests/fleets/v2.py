"""The folder of a second-generation fleet: ``docker-compose.yml``, ``.env.<bot>`` and ``characters/<bot>/``."""

from pathlib import Path
from typing import Any

import yaml

from tests.fleets.bots import V2_BOTS, FieldBot
from tests.fleets.stand_ins import BOT_IMAGE, STORE_IMAGES, store, waiting, write, write_env

# The name of its folder.
PROJECT = "whisperengine-v2"
FILE = "docker-compose.yml"
NETWORK = "v2_network"
STORES = tuple(STORE_IMAGES)
WORKERS = ("cognition", "action", "sensory", "social")
_ENVIRONMENT = {
    "DISCORD_TOKEN": "token-of-a-bot",
    "LLM_PROVIDER": "openrouter",
    "LLM_MODEL_NAME": "anthropic/claude-sonnet-4",
    "POSTGRES_URL": "postgresql+asyncpg://whisper:secret@postgres:5432/whisperengine_v2",
    "QDRANT_URL": "http://qdrant:6333",
    "NEO4J_URL": "bolt://neo4j:7687",
    "REDIS_URL": "redis://redis:6379/0",
    "INFLUXDB_URL": "http://influxdb:8086",
    "TZ": "America/Los_Angeles",
}


def write_fleet(folder: Path) -> None:
    """The folder of a second-generation fleet."""
    for bot in V2_BOTS:
        write_env(folder / f".env.{bot.key}", DISCORD_BOT_NAME=bot.key, API_PORT=str(bot.port), **_ENVIRONMENT)
        character = folder / "characters" / bot.key
        write(character / "character.md", f"You are {bot.full_name}, and you have been here longer than most.\n")
        write(character / "core.yaml", yaml.safe_dump({"purpose": "To be good company.", "drives": {"curiosity": 0.9}}))
        thinking = {"thinking_indicators": {"fast": {"icon": bot.emoji, "text": "thinking"}}}
        write(character / "ux.yaml", yaml.safe_dump(thinking, allow_unicode=True))
    write_env(folder / ".env.worker", **_ENVIRONMENT)
    write(folder / ".env.example", "DISCORD_BOT_NAME=\nDISCORD_TOKEN=\nAPI_PORT=8000\n")
    write(folder / FILE, yaml.safe_dump(_compose()))


def _compose() -> dict[str, Any]:
    common: dict[str, Any] = {"networks": ["v2_network"]}
    services: dict[str, Any] = {name: store(name) | common | {"container_name": f"{PROJECT}-{name}"} for name in STORES}
    for worker in WORKERS:
        services[f"worker-{worker}"] = common | _worker(worker)
    services["api"] = waiting(BOT_IMAGE, "Uvicorn running on http://0.0.0.0:8000") | common
    services["api"] |= {"container_name": f"{PROJECT}-api", "expose": ["8000"], "env_file": [".env.worker"]}
    for bot in V2_BOTS:
        services[bot.key] = common | _bot(bot)
    return {"services": services, "networks": {"v2_network": {"name": NETWORK}}}


def _bot(bot: FieldBot) -> dict[str, Any]:
    program = ["python", "-m", "sample_bot", "--name", bot.key, "--contract", "v2", "--host", "0.0.0.0"]
    return {
        "image": BOT_IMAGE,
        "container_name": f"{PROJECT}-{bot.key}",
        "command": [*program, "--port", str(bot.port), "--allow-faults"],
        "env_file": [f".env.{bot.key}"],
        "ports": [f"{bot.port}:{bot.port}"],
        "volumes": ["./characters:/app/characters:ro"],
        "restart": "unless-stopped",
        "profiles": [bot.key, "all"],
    }


def _worker(name: str) -> dict[str, Any]:
    lines = f"Starting worker for 7 functions: run_{name}, run_summarization, run_reflection"
    return waiting(BOT_IMAGE, lines) | {
        "env_file": [".env.worker"],
        "environment": {"DISCORD_BOT_NAME": f"worker-{name}"},
        "restart": "unless-stopped",
        "profiles": ["workers", "all"],
    }
