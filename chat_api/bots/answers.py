"""Read what bots of both generations answer. Pure functions; the bot is not trusted.

Source: bot contract, "POST /api/chat" and "Endpoints".
"""

import json
import math
import re
from collections.abc import Mapping

import orjson

from chat_api.bots.apologies import is_model_error
from chat_api.bots.breaker import BotServerError
from chat_api.bots.http import DETAIL_CHARS, UNAVAILABLE_RETRY_AFTER_S, Reply
from chat_api.bots.schemas import BotAnswer, BotInfo, Contract, Discord
from chat_api.core.errors import BotFailed, BotStarting, BotUnavailable

MAX_FACTS_BYTES = 8192
MAX_FACT_CHARS = 200
MAX_CAPABILITIES = 50
MAX_RETRY_AFTER_S = 60.0
V2_ANSWER_FACTS = ("mode", "complexity", "model_used")
V2_INFO_FACTS = ("database_status", "feature_flags", "queue_depths", "llm_models")
V1_STARTING = "Chat API not available"
V1_INFO_FACTS = ("status", "platform", "api_version", "character_info")

# Every escape in turn, so that an escaped backslash is never taken for the start of one.
_ESCAPES = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)
_NOT_FINITE = re.compile(r"NaN|Infinity")


class EmptyAnswer(BotFailed):
    """A success without a text, of a bot that has no reason to be silent."""


def read_answer(reply: Reply, *, bot_name: str, processing_time_s: float) -> BotAnswer:
    """Turn the reply to a chat request into an answer.

    A usable text is shown whatever the status says of it: v1 apologises in character with a 500, and v2 with a success
    when its language model does not answer. A v1 bot that succeeds without a text chose not to answer.

    Raises: BotStarting (503 of a v1 bot), BotUnavailable on another 503, BotServerError on a server error without a
    text, BotFailed on everything else; the bot's own words go into ``detail`` only.
    """
    if reply.status == 503:
        raise (BotStarting if _is_starting(reply) else BotUnavailable)(
            detail=_detail(reply), retry_after_s=_retry_after_s(reply), extra={"connect_failed": False}
        )
    if reply.status not in (200, 500):
        raise (BotServerError if reply.status >= 500 else BotFailed)(detail=_detail(reply))
    try:
        body = read_object(reply)
        is_silent = _is_silent(body)
        text = "" if is_silent else _text(body, reply)
    except BotFailed as error:
        if reply.status == 500:
            raise BotServerError(detail=error.detail) from error
        raise
    is_model_silent = _is_model_silent(body) or (reply.status == 500 and _says_model_failed(body))
    return BotAnswer(
        text=text,
        bot_name=bot_name,
        processing_time_s=processing_time_s,
        is_apology=reply.status == 500 or body.get("success") is False or is_model_silent,
        is_model_silent=is_model_silent,
        is_silent=is_silent,
        memory_stored=body.get("memory_stored") is True,
        is_memory_refused=body.get("memory_stored") is False,
        metadata=_answer_facts(body),
        said_name=_short(body.get("bot_name")),
        contract="v2" if any(key in body for key in V2_ANSWER_FACTS) else "v1",
    )


def read_info(reply: Reply, *, bot_name: str, contract: Contract) -> BotInfo:
    """Turn ``/api/bot-info`` (v1) or ``/api/diagnostics`` (v2) into what is known of the bot.

    Raises: BotFailed when the reply is not a JSON object with status 200.
    """
    if reply.status != 200:
        raise BotFailed(detail=_detail(reply))
    body = read_object(reply)
    capabilities = body.get("capabilities")
    return BotInfo(
        bot_name=bot_name,
        contract=contract,
        engine=_short(body.get("engine")),
        model=_short(body.get("model")) or _first_model(body.get("llm_models")),
        version=_short(body.get("version")) or _short(body.get("api_version")),
        capabilities=tuple(filter(None, map(_short, capabilities[:MAX_CAPABILITIES])))
        if isinstance(capabilities, list)
        else (),
        uptime_s=_seconds(body.get("uptime_seconds")),
        facts=_bounded({key: body[key] for key in V1_INFO_FACTS + V2_INFO_FACTS if key in body}),
        said_names=_said_names(body),
    )


def read_connection(reply: Reply, *, bot_name: str) -> BotInfo:
    """Turn ``/api/internal/health`` (v2) into what is known of the bot: no more than its name.

    Raises: BotFailed when the reply is not a JSON object with status 200.
    """
    if reply.status != 200:
        raise BotFailed(detail=_detail(reply))
    return BotInfo(bot_name=bot_name, contract="v2", said_names=_said_names(read_object(reply)))


def read_readiness(reply: Reply) -> tuple[bool, Discord | None]:
    """Whether a v1 bot is ready, and its connection to Discord as far as it tells.

    Raises: BotFailed when the reply is neither 200 nor 503 with a JSON object.
    Source: bot contract, ``GET /ready``.
    """
    if reply.status not in (200, 503):
        raise BotFailed(detail=_detail(reply))
    body = read_object(reply)
    if reply.status == 503:
        is_discord = "discord" in str(body.get("reason")).lower()
        return False, Discord(is_connected=False) if is_discord else None
    guilds = body.get("guilds_count")
    return True, Discord(
        is_connected=True,
        account=_short(body.get("bot_user")),
        guilds=guilds if isinstance(guilds, int) and not isinstance(guilds, bool) and guilds >= 0 else None,
        latency_ms=_seconds(body.get("latency_ms")),
    )


def read_discord(reply: Reply) -> Discord | None:
    """A v2 bot's connection to Discord; ``None`` where it does not tell. Source: ``GET /api/internal/health``."""
    try:
        is_connected = read_object(reply).get("bot_connected") if reply.status == 200 else None
    except BotFailed:
        return None
    return Discord(is_connected=is_connected) if isinstance(is_connected, bool) else None


def read_object(reply: Reply) -> dict[str, object]:
    """The reply's JSON object.

    Raises: BotFailed for anything else.
    """
    try:
        value = read_json(reply.body)
    except BotFailed as error:
        raise BotFailed(detail=f"{error.detail}; {_detail(reply)}") from error
    if not isinstance(value, dict):
        raise BotFailed(detail=f"not a JSON object; {_detail(reply)}")
    return value


def read_json(data: bytes) -> object:
    """A JSON value. Lone surrogates and bytes that are not UTF-8 are replaced, and NaN and infinities null.

    Raises: BotFailed for anything else that is not JSON, absurd nesting included.
    Source: bot contract, figures of a v1 bot may be ``NaN``.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        text = _ESCAPES.sub(_without_lone, data.decode(errors="replace"))
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if not _NOT_FINITE.search(text):
            raise BotFailed(detail=f"not JSON: {error.msg}") from error
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise BotFailed(detail=f"not JSON: {error}"[:DETAIL_CHARS]) from error


def cleaned_text(text: str) -> str:
    """The text as it can be stored: PostgreSQL refuses NUL."""
    return text.replace("\0", "")


def _text(body: Mapping[str, object], reply: Reply) -> str:
    text = body.get("response")
    if not isinstance(text, str):
        raise BotFailed(detail=f"no text; {_detail(reply)}")
    text = cleaned_text(text)
    if not text.strip():
        raise EmptyAnswer(detail=f"the text is empty; {_detail(reply)}")
    return text


def _is_starting(reply: Reply) -> bool:
    """Whether a v1 bot says that its parts are not ready, and not some proxy before it."""
    try:
        body = read_object(reply)
    except BotFailed:
        return False
    return body.get("success") is False and str(body.get("error")).startswith(V1_STARTING)


def _is_silent(body: Mapping[str, object]) -> bool:
    """Whether a v1 bot chose not to answer. Of v2 the contract knows no such thing: there it is a fault."""
    text = body.get("response")
    is_empty = isinstance(text, str) and not cleaned_text(text).strip()
    return is_empty and body.get("success") is True and not any(key in body for key in V2_ANSWER_FACTS)


def _is_model_silent(body: Mapping[str, object]) -> bool:
    """Whether a v2 bot fell back on a stock text: a good answer always says how it was made."""
    return all(body.get(fact) == "unknown" for fact in V2_ANSWER_FACTS)


def _says_model_failed(body: Mapping[str, object]) -> bool:
    """Whether a v1 bot that apologises in character says why, and it is the language model."""
    return any(is_model_error(str(body[key])[:DETAIL_CHARS]) for key in ("error", "message") if key in body)


def _without_lone(match: re.Match[str]) -> str:
    return "\\ufffd" if match[1] else match[0]


def _answer_facts(body: Mapping[str, object]) -> Mapping[str, object]:
    metadata = body.get("metadata")
    facts = metadata if isinstance(metadata, dict) else {}
    return _bounded({**facts, **{key: body[key] for key in V2_ANSWER_FACTS if key in body}})


def _bounded(facts: Mapping[str, object]) -> Mapping[str, object]:
    """The facts if they are small and can be stored as JSONB, else nothing: nobody depends on them."""
    try:
        encoded = orjson.dumps(facts)
    except orjson.JSONEncodeError:  # nested too deeply
        return {}
    return facts if len(encoded) <= MAX_FACTS_BYTES and b"\\u0000" not in encoded else {}


def _short(value: object) -> str | None:
    return value.replace("\0", "").strip()[:MAX_FACT_CHARS] or None if isinstance(value, str) else None


def _first_model(models: object) -> str | None:
    return next(filter(None, map(_short, models.values())), None) if isinstance(models, dict) else None


def _said_names(body: Mapping[str, object]) -> tuple[str, ...]:
    """What a bot calls itself: its key (v2); its Discord account and its character (v1)."""
    character = body.get("character_info")
    said = [body.get("bot_name"), character.get("character_name") if isinstance(character, dict) else None]
    return tuple(filter(None, map(_short, said)))


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and value >= 0 else None


def _retry_after_s(reply: Reply) -> float:
    given = reply.retry_after or ""
    return min(float(given), MAX_RETRY_AFTER_S) if re.fullmatch(r"[0-9]{1,6}", given) else UNAVAILABLE_RETRY_AFTER_S


def _detail(reply: Reply) -> str:
    return f"HTTP {reply.status}: {reply.body[:DETAIL_CHARS].decode(errors='replace')!r}"
