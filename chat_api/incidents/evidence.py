"""Takes down what a restart would destroy: how a bot's container ended, its last checks, its last log lines."""

import asyncio
import re
from dataclasses import replace
from datetime import datetime
from typing import Any

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.errors import AppError
from chat_api.core.ids import new_id
from chat_api.core.masking import mask_lines, mask_secrets
from chat_api.core.text import cleaned
from chat_api.engine.interface import ContainerEngine
from chat_api.engine.schemas import ContainerView
from chat_api.fleet.schemas import BotView
from models import IncidentEvidence

LOG_LINES = 200
MAX_LINE_CHARS = 1_000
MAX_LOG_CHARS = 64_000
CHECKS = 10
CAPTURE_TIMEOUT_S = 8.0
# Colours and cursor movements. Source: ECMA-48, control sequences.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")


class EvidenceCollector:
    """Asks the engine, in its time limit, and never fails: what could not be had is said in ``problem``."""

    def __init__(self, engine: ContainerEngine, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._engine = engine
        self._clock = clock

    async def collect(self, bot_name: str, reason: str, *, seen: BotView | None) -> IncidentEvidence:
        """What can be known of a bot now; ``seen`` is how the fleet shows it."""
        container = seen.container if seen else None
        lines: tuple[str, ...] = ()
        problem = None
        try:
            async with asyncio.timeout(CAPTURE_TIMEOUT_S):
                container = _with_end(await self._engine.inspect(bot_name), seen=container)
                if container is None:
                    problem = "No container or service runs this bot."
                elif not container.is_managed:
                    problem = "Its container is not adopted, so its log was not read."
                else:
                    lines = await self._engine.logs_tail(container, LOG_LINES)
        except AppError as error:
            problem = mask_secrets(f"The container engine gave no log: {error.detail or error.message}"[:300])
        except TimeoutError:
            problem = f"The container engine gave no log within {CAPTURE_TIMEOUT_S:.0f} s."
        return IncidentEvidence(
            id=new_id(),
            bot_name=bot_name,
            captured_at=self._clock.now(),
            reason=reason[:200],
            facts=_masked_facts(seen, container),
            checks=_checks(seen),
            log=masked_log(lines),
            problem=problem,
        )


def masked_log(lines: tuple[str, ...]) -> str:
    """The newest lines that fit, secrets masked and nothing in them that moves a cursor."""
    kept: list[str] = []
    room = MAX_LOG_CHARS
    newest = [
        cleaned(" ".join(_ESCAPES.sub("", line).splitlines()), max_chars=len(line)) for line in lines[-LOG_LINES:]
    ]
    # Masked whole and in their order, then cut: half a token, or the middle of a key, would not be known for one.
    for line in reversed(mask_lines(newest)):
        plain = line[:MAX_LINE_CHARS]
        room -= len(plain) + 1
        if room < 0:
            break
        kept.append(plain)
    return "\n".join(reversed(kept))


def _with_end(now: ContainerView | None, *, seen: ContainerView | None) -> ContainerView | None:
    """The container now; with how it ended when it was seen to, and has been started again since."""
    if now is None or seen is None or now.exit_code is not None or seen.exit_code is None:
        return now or seen
    return replace(now, exit_code=seen.exit_code, oom_killed=seen.oom_killed or now.oom_killed)


def _masked_facts(seen: BotView | None, container: ContainerView | None) -> dict[str, Any]:
    """What a bot said of its errors may hold what its log does."""
    facts = _facts(seen, container)
    return {name: mask_secrets(value) if isinstance(value, str) else value for name, value in facts.items()}


def _facts(seen: BotView | None, container: ContainerView | None) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if container is not None:
        facts |= {
            "container": container.name,
            "container_id": container.id[:12],
            "state": str(container.state),
            "exit_code": container.exit_code,
            "oom_killed": container.oom_killed,
            "engine_health": container.health,
            "restart_count": container.restart_count,
            "started_at": _iso(container.started_at),
            "image": container.image,
            "image_digest": container.image_digest,
        }
    if seen is not None:
        facts |= {
            "bot_status": str(seen.status),
            "last_answer": _iso(seen.last_seen_at),
            "last_error": seen.error,
            "breaker": seen.breaker,
            "test_conversation": _synthetic_check(seen),
        }
    return facts


def _synthetic_check(seen: BotView) -> str | None:
    if seen.synthetic_check is None:
        return None
    return "answered" if seen.synthetic_check.is_answered else f"failed: {seen.synthetic_check.error or 'no answer'}"


def _checks(seen: BotView | None) -> list[dict[str, Any]]:
    heartbeats = seen.heartbeats[-CHECKS:] if seen else ()
    return [
        {"at": heartbeat.checked_at.isoformat(), "status": str(heartbeat.status), "latency_ms": heartbeat.latency_ms}
        for heartbeat in heartbeats
    ]


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
