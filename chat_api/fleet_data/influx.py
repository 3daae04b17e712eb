"""The fleet's InfluxDB 2, asked in Flux over HTTP. Only queries are ever sent."""

import asyncio
from collections.abc import Mapping, Sequence

import aiohttp
import orjson

from chat_api.core.store_faults import StoreFault, StoreUnreadable
from chat_api.fleet_data.influx_csv import Row, rows_of

QUERY_TIMEOUT_S = 15.0
CONNECT_TIMEOUT_S = 5.0
MAX_ANSWER_BYTES = 16 * 1024 * 1024
MAX_ERROR_BYTES = 8192
_DIALECT = {"header": True, "annotations": ["datatype", "group", "default"], "dateTimeFormat": "RFC3339"}
_FAULTS: Mapping[int, StoreFault] = {
    401: StoreFault.REFUSED,
    403: StoreFault.FORBIDDEN,
    404: StoreFault.ABSENT,
    429: StoreFault.SLOW,
    502: StoreFault.AWAY,
    503: StoreFault.AWAY,
    504: StoreFault.SLOW,
}


class InfluxReader:
    """One organization and bucket. A session for each query: there is one a minute at the most."""

    def __init__(self, url: str, *, token: str | None, org: str, bucket: str) -> None:
        self._url = url
        self._headers = {"Accept": "application/csv"} | ({"Authorization": f"Token {token}"} if token else {})
        self._org = org
        self.bucket = bucket

    async def query(self, flux: str) -> Sequence[Row]:
        """The rows of all results. Raises: StoreUnreadable."""
        body = {"query": flux, "type": "flux", "dialect": _DIALECT}
        limits = aiohttp.ClientTimeout(total=QUERY_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=limits, headers=self._headers) as session,
                session.post(
                    f"{self._url}/api/v2/query", params={"org": self._org}, json=body, allow_redirects=False
                ) as response,
            ):
                return await _read(response)
        except TimeoutError as error:
            raise StoreUnreadable(StoreFault.SLOW, "no answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise StoreUnreadable(StoreFault.AWAY, str(error) or type(error).__name__) from error


async def _read(response: aiohttp.ClientResponse) -> Sequence[Row]:
    if response.status != 200:
        fault = _FAULTS.get(response.status, StoreFault.ODD)
        raise StoreUnreadable(fault, f"{response.status} {_words(await response.content.read(MAX_ERROR_BYTES))}")
    content = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        content += chunk
        if len(content) > MAX_ANSWER_BYTES:
            raise StoreUnreadable(StoreFault.ODD, f"more than {MAX_ANSWER_BYTES} bytes")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise StoreUnreadable(StoreFault.ODD, "no UTF-8") from error
    return await asyncio.to_thread(lambda: list(rows_of(text)))


def _words(content: bytes) -> str:
    """What an error says of itself, if it is one of InfluxDB's."""
    try:
        said = orjson.loads(content)
    except orjson.JSONDecodeError:
        return ""
    return str(said.get("message", "")) if isinstance(said, dict) else ""
