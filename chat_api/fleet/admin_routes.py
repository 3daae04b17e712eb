"""The fleet over the API: every bot with all its figures, one bot, and a test message to one."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from chat_api.core.errors import NotFound
from chat_api.fleet.bodies import (
    BotDetails,
    BotMergeAnswer,
    BotMergeBody,
    BotOverview,
    BotOverviewList,
    SourceStatement,
    TryBody,
)
from chat_api.fleet.known_bots import KnownBotsService
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.renames import RenamesService
from chat_api.fleet.schemas import BotView
from chat_api.fleet.service import FleetService
from chat_api.fleet.test_messages import TestMessage, TestMessagesService
from chat_api.http.dependencies import Admin, service
from chat_api.http.errors import BODIES, CONSOLE, WRITES, errors
from chat_api.http.exports import Format, also_as, csv_of

router = APIRouter(prefix="/api/admin", tags=["Administration"])
BotName = Annotated[str, Path(min_length=1, max_length=50, examples=["elena"])]

TestMessages = Annotated[TestMessagesService, service(TestMessagesService)]
Fleet = Annotated[FleetService, service(FleetService)]
KnownBots = Annotated[KnownBotsService, service(KnownBotsService)]
Renames = Annotated[RenamesService, service(RenamesService)]
Registry = Annotated[BotRegistry, service(BotRegistry)]


@router.get(
    "/bots",
    summary="The fleet",
    response_model=BotOverviewList,
    responses=also_as("text/csv", "The bots by name.") | errors(*CONSOLE, "invalid_input"),
)
async def bots(
    principal: Admin, fleet: Fleet, format: Annotated[Format, Query()] = "json"
) -> BotOverviewList | Response:
    """Every bot with all its figures, as the Fleet page shows them; asking costs no bot and no query anything."""
    view = fleet.view(principal)
    overview = [bot_overview(bot) for bot in view.bots]
    if format == "csv":
        return csv_of("bots", BotOverview, overview)
    return BotOverviewList(status=view.status.value, headline=view.headline, bots=overview)


@router.get("/bots/{bot_name}", summary="One bot", responses=errors(*CONSOLE, "not_found", "invalid_input"))
async def bot(bot_name: BotName, principal: Admin, fleet: Fleet, registry: Registry) -> BotDetails:
    """One bot with its figures, what describes it, and its last health checks."""
    view = fleet.view(principal)
    spec = registry.get(bot_name)
    found = next((bot for bot in view.bots if bot.name == spec.name), None)
    if found is None:
        raise NotFound("Unknown bot.")
    return BotDetails(
        **_flat(found),
        description=spec.description,
        emoji=spec.emoji,
        model=spec.model,
        url=spec.url,
        addresses=spec.addresses,
        sources=spec.sources,
        said=[SourceStatement(source=one.source, facts=dict(one.facts)) for one in registry.said_of(spec.name)],
        declared_by=spec.declared_by,
        notes=found.policy.notes if found.policy else "",
        heartbeats=found.heartbeats,
    )


@router.delete(
    "/bots/{bot_name}",
    summary="Remove a bot from the fleet",
    status_code=204,
    responses=errors(*CONSOLE, *WRITES, "not_found", "conflict", "invalid_input"),
)
async def remove(bot_name: BotName, principal: Admin, known_bots: KnownBots) -> None:
    """Take a bot out that nothing describes any more; its conversations stay. 409 while something describes it."""
    await known_bots.remove(principal, bot_name)


@router.post(
    "/bots/{bot_name}/merge",
    summary="Give a bot's history to another",
    responses=errors(*CONSOLE, *BODIES, "not_found", "conflict"),
)
async def merge(bot_name: BotName, body: BotMergeBody, principal: Admin, renames: Renames) -> BotMergeAnswer:
    """For a bot that was renamed and that nothing describes any more: its conversations and history are the other's."""
    return BotMergeAnswer(messages=await renames.take_over(principal, bot_name, body.into))


@router.post(
    "/bots/{bot_name}/try",
    summary="Try a message",
    responses=errors("not_authenticated", *BODIES, "not_found", "rate_limited", "unavailable"),
)
async def try_message(bot_name: BotName, body: TryBody, principal: Admin, test_messages: TestMessages) -> TestMessage:
    """Say something to a bot as a synthetic user, and get the raw answer; it is no conversation and is not stored."""
    return await test_messages.try_message(principal, bot_name, body.text)


def bot_overview(bot: BotView) -> BotOverview:
    """A bot as the API gives it."""
    return BotOverview(**_flat(bot))


def _flat(bot: BotView) -> dict[str, Any]:
    figures, usage, container, check, policy = bot.figures, bot.usage, bot.container, bot.synthetic_check, bot.policy
    flat: dict[str, Any] = {
        "name": bot.name,
        "display_name": bot.display_name,
        "status": bot.shown.value,
        "cause": bot.cause,
        "error": bot.error,
        "contract": bot.contract,
        "port": bot.port,
        "last_checked_at": bot.last_checked_at,
        "last_seen_at": bot.last_seen_at,
        "health_latency_ms": bot.latency_ms,
        "calls_in_flight": bot.calls_in_flight,
        "calls_waiting": bot.calls_waiting,
        "breaker": bot.breaker,
    }
    if bot.discord is not None:
        flat |= {"is_on_discord": bot.discord.is_connected, "discord_guilds": bot.discord.guilds}
        flat |= {"discord_latency_ms": bot.discord.latency_ms}
    if figures is not None:
        names = ("uptime_24h", "uptime_7d", "uptime_30d", "p50_ms", "p95_ms", "p99_ms", "error_rate")
        flat |= {name: getattr(figures, name) for name in (*names, "messages_per_min")}
    if check is not None:
        for name in ("synthetic_check", "canary"):
            flat |= {f"{name}_is_answered": check.is_answered, f"{name}_at": check.checked_at}
    if usage is not None:
        flat |= {"cpu_percent": usage.cpu_percent, "memory_bytes": usage.memory_bytes}
    if container is not None:
        flat |= {
            "container_name": container.name,
            "container_state": container.state.value,
            "container_started_at": container.started_at,
            "container_restarts": container.restart_count,
            "image": container.image,
        }
    if policy is not None:
        flat |= {
            "maintenance_until": policy.maintenance_until,
            "maintenance_reason": policy.maintenance_reason or None,
            "quarantined_at": policy.quarantined_at,
            "quarantine_reason": policy.quarantine_reason or None,
        }
    return flat
