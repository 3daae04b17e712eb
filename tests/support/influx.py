"""A stand-in for InfluxDB 2: its one address that we ask, and answers as the real one gives them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

TOKEN = "influx-t0ken-of-the-fleet"
ORG = "whisperengine"


@dataclass(kw_only=True)
class Influx:
    """``body`` is the annotated CSV that every query gets; ``status``, not 200, an error. ``queries``: the Flux."""

    url: str = ""
    body: str = ""
    status: int = 200
    is_hanging: bool = False
    queries: list[str] = field(default_factory=list)


def table(result: str, types: str, columns: str, *rows: str, group: str = "") -> str:
    """One table as InfluxDB writes it: annotations, header, rows, an empty line; cells are set apart by commas."""
    kinds = types.split(",")
    groups = group or ",".join("false" for _ in kinds)
    lines = [
        f"#datatype,string,long,{types}",
        f"#group,false,false,{groups}",
        f"#default,{result},,{',' * (len(kinds) - 1)}",
        f",result,table,{columns}",
        *(f",,0,{row}" for row in rows),
    ]
    return "\r\n".join(lines) + "\r\n\r\n"


@asynccontextmanager
async def running_influx() -> AsyncIterator[Influx]:
    """Serve while the block runs."""
    influx = Influx()
    release = asyncio.Event()

    async def query(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Token {TOKEN}":
            return web.json_response({"code": "unauthorized", "message": "unauthorized access"}, status=401)
        if request.query.get("org") != ORG:
            message = f'organization name "{request.query.get("org")}" not found'
            return web.json_response({"code": "not found", "message": message}, status=404)
        asked = await request.json()
        influx.queries.append(asked["query"])
        if influx.is_hanging:
            await release.wait()
        if influx.status != 200:
            body = {"code": "invalid", "message": "error @1:1-1:5: undefined identifier fro"}
            return web.json_response(body, status=influx.status)
        return web.Response(body=influx.body.encode(), content_type="text/csv", charset="utf-8")

    app = web.Application()
    app.router.add_post("/api/v2/query", query)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    influx.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield influx
    finally:
        release.set()
        await runner.cleanup()
