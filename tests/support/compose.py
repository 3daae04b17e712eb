"""docker-compose.multi-bot.yml as compose would read it, and its services as options for the SDK."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from docker.types import Healthcheck

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_FILE = ROOT / "docker-compose.multi-bot.yml"
# Source: Compose specification, "Interpolation".
VARIABLE = re.compile(r"\$\$|\$\{(?P<name>\w+)(?:(?P<kind>:[-?])(?P<rest>[^}]*))?\}")
_SECONDS = {"s": 1, "m": 60}
_BYTES = {"M": 1024**2, "G": 1024**3}


class MissingVariable(Exception):
    """A required variable that is not set, with the file's own message."""


def compose(environment: Mapping[str, str]) -> dict[str, Any]:
    """The file with every variable replaced. Raises: MissingVariable."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        given = environment.get(match["name"], "")
        if not given and match["kind"] == ":?":
            raise MissingVariable(f"{match['name']}: {match['rest']}")
        return given or (match["rest"] or "")

    def replaced(node: Any) -> Any:  # after parsing, as compose does: an empty value stays a text
        if isinstance(node, dict):
            return {key: replaced(child) for key, child in node.items()}
        if isinstance(node, list):
            return [replaced(child) for child in node]
        return VARIABLE.sub(value, node) if isinstance(node, str) else node

    parsed: dict[str, Any] = replaced(yaml.safe_load(COMPOSE_FILE.read_text()))
    return parsed


def run_options(service: Mapping[str, Any]) -> dict[str, Any]:
    """What of a service decides how its process may live, for ``containers.run``."""
    limits = service["deploy"]["resources"]["limits"]
    check = service["healthcheck"]
    command = service.get("command")
    return {
        "command": shlex.split(command) if isinstance(command, str) else command,
        "environment": {key: str(value) for key, value in service["environment"].items()},
        "user": service["user"],
        "read_only": service["read_only"],
        "tmpfs": dict(entry.split(":", 1) for entry in service["tmpfs"]),
        "cap_drop": service["cap_drop"],
        "security_opt": service["security_opt"],
        "pids_limit": service["pids_limit"],
        "nano_cpus": int(float(limits["cpus"]) * 1e9),
        "mem_limit": int(limits["memory"][:-1]) * _BYTES[limits["memory"][-1]],
        "labels": service.get("labels", {}),
        # The check itself is the file's; a test looks more often.
        "healthcheck": Healthcheck(
            test=check["test"], timeout=_nanoseconds(check["timeout"]), interval=1_000_000_000, retries=60
        ),
    }


def _nanoseconds(duration: str) -> int:
    return int(duration[:-1]) * _SECONDS[duration[-1]] * 1_000_000_000
