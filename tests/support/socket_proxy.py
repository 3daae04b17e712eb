"""A stand-in for the deployed socket proxy: the same rules from the compose file, before a real engine."""

import contextlib
import re
from collections.abc import AsyncIterator, Sequence

import aiohttp
from aiohttp import web

_RULE = re.compile(r"-allow([A-Z]+)=(.+)")


@contextlib.asynccontextmanager
async def socket_proxy(target: str, command: Sequence[str]) -> AsyncIterator[str]:
    """Let through what the ``-allowMETHOD=pattern`` arguments in ``command`` allow; yields a ``tcp://`` address.

    Source: the README and the request handler of wollomatic/socket-proxy: the pattern is anchored and matched against
    the path without the query; another method is 405, another path 403.
    """
    rules = {rule[1]: re.compile(rule[2]) for rule in map(_RULE.fullmatch, command) if rule}

    async def forward(request: web.Request) -> web.StreamResponse:
        if request.method not in rules:
            return web.Response(status=405)
        if not rules[request.method].fullmatch(request.path):
            return web.Response(status=403)
        body = await request.read()
        async with session.request(request.method, f"http://engine{request.path_qs}", data=body) as answer:
            response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
            await response.prepare(request)
            with contextlib.suppress(ConnectionError):
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
            return response

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", forward)
    runner = web.AppRunner(application, shutdown_timeout=1, handler_cancellation=True)
    async with aiohttp.ClientSession(
        connector=aiohttp.UnixConnector(target.removeprefix("unix://")), timeout=aiohttp.ClientTimeout(total=None)
    ) as session:
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            yield f"tcp://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()
