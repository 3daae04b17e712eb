"""The process: one application, one port, a clean end."""

import asyncio
import json
import random
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict

from aiohttp import web

from sample_bot.bot import Bot
from sample_bot.character import load_character
from sample_bot.contract import BOT, IS_STREAMING, Contract, Refused, log, mark_start
from sample_bot.engine import choose_engine
from sample_bot.faults import STREAM_MODES, FaultMode, FaultPlan, Faults, FaultScope, misbehave
from sample_bot.options import ContractName, Options
from sample_bot.streaming import STREAM_FAULT, stream_route
from sample_bot.v1 import V1
from sample_bot.v2 import V2

_CHAT_PATHS = frozenset({"/api/chat", "/api/chat/batch"})
_STREAM_PATHS = frozenset({"/api/chat/stream"})
_CONTROL_PATHS = frozenset({"/_faults", "/_calls"})
# Answers under way get this long on SIGTERM: the whole exit stays below a second.
_SHUTDOWN_S = 0.3

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def serve(options: Options) -> None:
    """Run one bot until SIGTERM or SIGINT.

    Raises: OSError if the port is taken; ValueError if the character's file is broken.
    """
    if options.seed is not None:
        random.seed(options.seed)  # nltk draws from the global generator
    character = load_character(options.name, options.characters)
    bot = Bot(character, choose_engine(character, options.language_model), account=options.account)
    runner = web.AppRunner(create_app(bot, options), access_log=None, shutdown_timeout=_SHUTDOWN_S)
    ready = asyncio.create_task(bot.become_ready(after_ms=options.startup_ms))
    try:
        await runner.setup()
        stopped = _on_signals()
        site = web.TCPSite(runner, options.host, options.port)
        await site.start()
        port = runner.addresses[0][1]
        log("listening", bot=options.name, port=port, contract=options.contract, engine=bot.engine.name)
        await stopped.wait()
    finally:
        ready.cancel()
        await runner.cleanup()
        await bot.engine.close()
    log("stopped", bot=options.name)


def create_app(bot: Bot, options: Options) -> web.Application:
    """Put one contract's endpoints, and the faults, in front of a bot."""
    contract: Contract = V1() if options.contract is ContractName.V1 else V2()
    plan = FaultPlan(
        delay_ms=options.delay_ms,
        piece_delay_ms=options.piece_delay_ms,
        failure_rate=options.failure_rate,
        hang_rate=options.hang_rate,
        babble_rate=options.babble_rate,
    )
    faults = Faults(plan, seed=options.seed)
    chat_paths = _CHAT_PATHS | _STREAM_PATHS if options.is_streaming else _CHAT_PATHS
    guard = _guard(bot, contract, faults, chat_paths=chat_paths, is_recording=options.allows_faults)
    app = web.Application(middlewares=[guard])
    app[BOT], app[IS_STREAMING] = bot, options.is_streaming
    app.add_routes(contract.routes)
    if options.is_streaming:
        app.add_routes([stream_route(contract, faults)])
    if options.allows_faults:
        app.add_routes(_control_routes(bot, faults))
    return app


def _guard(
    bot: Bot, contract: Contract, faults: Faults, *, chat_paths: frozenset[str], is_recording: bool
) -> Callable[..., Awaitable[web.StreamResponse]]:
    """Misbehave as planned, refuse while starting, and turn exceptions into the contract's answers."""

    @web.middleware
    async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
        mark_start(request)
        try:
            return await answer(request, handler)
        except Refused as refused:
            return refused.response
        except web.HTTPException:
            raise
        except ConnectionError:
            log("caller_left", bot=bot.character.key, path=request.path)
            return web.Response(status=499)  # nobody is left to read it
        except Exception as exc:
            log("error", bot=bot.character.key, path=request.path, error=repr(exc))
            return contract.raised(str(exc))

    async def answer(request: web.Request, handler: _Handler) -> web.StreamResponse:
        if request.path in _CONTROL_PATHS:
            return await handler(request)
        is_chat = request.path in chat_paths
        if is_chat and is_recording:
            _record(faults, await request.read())
        if is_chat or faults.plan.scope is FaultScope.ALL:
            await faults.until_released(request)
            await asyncio.sleep(faults.plan.delay_ms / 1000)
            if (mode := faults.next_mode()) in STREAM_MODES:
                request[STREAM_FAULT] = mode
            elif mode is not FaultMode.OK:
                log("fault", bot=bot.character.key, mode=mode, path=request.path)
                return await misbehave(request, mode, contract=contract, bot=bot)
        return contract.starting() if is_chat and not bot.is_ready else await handler(request)

    return guard


def _control_routes(bot: Bot, faults: Faults) -> list[web.RouteDef]:
    async def change_faults(request: web.Request) -> web.Response:
        """Change the plan; fields not named stay as they are."""
        try:
            changes = await request.json()
            faults.plan = faults.plan.changed(changes)
        except (ValueError, TypeError) as exc:
            return web.json_response({"error": str(exc)}, status=400)
        bot.is_on_discord, bot.claims = not faults.plan.is_off_discord, faults.plan.claims
        bot.knowledge.is_graph_away, bot.knowledge.erasure = faults.plan.is_graph_away, faults.plan.erasure
        if "mode" in changes:  # any mode but not_ready also ends a long start-up
            bot.is_ready = faults.plan.mode is not FaultMode.NOT_READY
        return web.json_response(asdict(faults.plan))

    async def list_calls(request: web.Request) -> web.Response:
        """Tell which chat messages came, in order."""
        return web.json_response({"count": faults.call_count, "calls": [asdict(call) for call in faults.calls]})

    return [web.post("/_faults", change_faults), web.get("/_calls", list_calls)]


def _record(faults: Faults, body: bytes) -> None:
    with suppress(ValueError, AttributeError, TypeError, RecursionError):
        value = json.loads(body)
        for item in value.get("messages", [value]):
            faults.record(item.get("user_id"), item.get("message"))


def _on_signals() -> asyncio.Event:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped
