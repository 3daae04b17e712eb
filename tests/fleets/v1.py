"""The folder of a first-generation fleet: compose file, ``.env.<bot>`` and ``characters/<bot>.json``."""

import json
from pathlib import Path
from typing import Any

import yaml

from tests.fleets.bots import TEMPLATE_PORT, V1_BOTS, FieldBot
from tests.fleets.stand_ins import BOT_IMAGE, store, waiting, write, write_env

PROJECT = "whisperengine-multi"
FILE = "docker-compose.multi-bot.yml"
NETWORK = f"{PROJECT}_bot_network"
STORES = ("postgres", "qdrant", "influxdb", "grafana")
WORKERS = ("enrichment-worker",)


def write_fleet(folder: Path) -> None:
    """The folder of a first-generation fleet."""
    for bot in V1_BOTS:
        write_env(
            folder / f".env.{bot.key}",
            DISCORD_BOT_NAME=bot.called or bot.key,
            DISCORD_BOT_TOKEN=f"token-of-{bot.key}",
            HEALTH_CHECK_PORT=str(bot.file_port or bot.port),
            LLM_CHAT_API_URL="https://openrouter.ai/api/v1",
            LLM_CHAT_MODEL="anthropic/claude-3-haiku",
            POSTGRES_HOST="postgres",
            QDRANT_HOST="qdrant",
        )
        write(folder / "characters" / f"{bot.key}.json", json.dumps(_character(bot)))
    write(folder / ".env.template", f"DISCORD_BOT_NAME=\nDISCORD_BOT_TOKEN=\nHEALTH_CHECK_PORT={TEMPLATE_PORT}\n")
    write(folder / FILE, yaml.safe_dump(_compose()))


def _character(bot: FieldBot) -> dict[str, Any]:
    return {"character": {"identity": {"name": bot.full_name, "occupation": "Companion", "emoji": bot.emoji}}}


def _compose() -> dict[str, Any]:
    common: dict[str, Any] = {"networks": ["bot_network"]}
    services: dict[str, Any] = {name: store(name) | common | {"container_name": name} for name in STORES}
    services["whisperengine-db-migrate"] = common | {
        "image": BOT_IMAGE,
        "container_name": "whisperengine-db-migrate",
        "command": ["sh", "-c", "echo 'Migrations: up to date'"],
        "restart": "no",
    }
    services["enrichment-worker"] = waiting(BOT_IMAGE, "Enrichment worker: cycle done, 0 facts") | common
    services["enrichment-worker"] |= {
        "container_name": "enrichment-worker",
        "environment": {"POSTGRES_HOST": "postgres"},
    }
    for bot in V1_BOTS:
        services[f"{bot.key}-bot"] = common | _bot(bot)
    return {"services": services, "networks": {"bot_network": None}}


def _bot(bot: FieldBot) -> dict[str, Any]:
    # The model's address in the environment is a real bot's; the stand-in answers by its rules.
    program = ["env", "-u", "LLM_CHAT_API_URL", "python", "-m", "sample_bot", "--name", bot.key]
    return {
        "image": BOT_IMAGE,
        "container_name": f"{bot.key}-bot",
        "command": [*program, "--host", "0.0.0.0", "--port", str(bot.port), "--allow-faults"],
        "env_file": [f".env.{bot.key}"],
        "environment": {"HEALTH_CHECK_PORT": str(bot.port), "HEALTH_CHECK_HOST": "0.0.0.0"},
        "ports": [f"{bot.port}:{bot.port}"],
        "volumes": ["./characters:/app/characters:ro"],
        "restart": "unless-stopped",
        "depends_on": {"whisperengine-db-migrate": {"condition": "service_completed_successfully"}},
    }
