"""What a stored setting, switch or announcement has to be: one that is not spoils neither a start nor a page."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from chat_api.core.errors import InvalidInput
from chat_api.core.settings import Settings
from chat_api.core.validation import describe
from chat_api.settings.repository import Stored
from chat_api.settings.schemas import Announcement, Feature, Tone

SETTING = "setting:"
FEATURE = "feature:"
ANNOUNCEMENT = "announcement"
MAINTENANCE = "maintenance"
MAX_CHARS = 2_000
AT_ONCE = frozenset(
    {
        "bot_api_timeout",
        "bot_api_timeout_v2",
        "bot_apology_patterns",
        "bot_health_check_interval",
        "bot_restart_timeout",
        "session_timeout_hours",
        "admin_session_timeout_hours",
        "rate_limit_requests_per_minute",
        "max_concurrent_connections",
        "max_connections_per_user",
        "websocket_frames_per_second",
        "slow_query_ms",
        "log_level",
    }
)
AFTER_RESTART = frozenset(
    {
        "bot_canary_interval",
        "bot_max_answer_bytes",
        "bot_max_parallel_calls",
        "bot_quiet_check_interval",
        "connection_pool_size",
        "database_pool_size",
    }
)


def sound(values: Mapping[str, Stored]) -> tuple[dict[str, Stored], dict[str, str]]:
    """The values that can be used, and why each of the others cannot."""
    odd = {key: why for key, stored in values.items() if (why := _problem(key, stored)) is not None}
    return {key: stored for key, stored in values.items() if key not in odd}, odd


def announcement_of(value: Any) -> Announcement:
    """A stored announcement. Raises: ValueError, TypeError, KeyError."""
    text = value["text"]
    if not isinstance(text, str) or not 0 < len(text) <= MAX_CHARS:
        raise ValueError("has no text")
    times = [datetime.fromisoformat(value[name]) if value[name] else None for name in ("starts_at", "ends_at")]
    if any(at is not None and at.tzinfo is None for at in times):
        raise ValueError("has a time without a zone")
    return Announcement(text=text, tone=Tone(value["tone"]), starts_at=times[0], ends_at=times[1])


def validated(name: str, value: object) -> Any:
    """A value as its field takes it. Raises: InvalidInput."""
    try:
        return _ADAPTERS[name].validate_python(value)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        raise InvalidInput(
            describe(problem, other=f"{problem['msg'][:1].lower()}{problem['msg'][1:]}"), field=name
        ) from None


def _problem(key: str, stored: Stored) -> str | None:
    if stored.problem is not None:
        return stored.problem
    check = next((check for beginning, check in _CHECKS.items() if key.startswith(beginning)), None)
    if check is None:
        return "this version does not know it"
    try:
        return check(key, stored.value)
    except InvalidInput as error:
        return error.message
    except (ValueError, TypeError, KeyError, AttributeError):
        return "has not the shape that it should have"


def _setting_problem(key: str, value: Any) -> str | None:
    name = key.removeprefix(SETTING)
    if name not in Settings.model_fields:
        return "this version does not know it"
    if name not in AT_ONCE | AFTER_RESTART:
        return "can only be set in the environment"
    validated(name, value)
    return None


def _feature_problem(key: str, value: Any) -> str | None:
    if key.removeprefix(FEATURE) not in set(Feature):
        return "this version does not know it"
    return None if isinstance(value, bool) else "is neither on nor off"


def _maintenance_problem(_: str, value: Any) -> str | None:
    return None if isinstance(value, str) and 0 < len(value) <= MAX_CHARS else "has no text"


def _announcement_problem(_: str, value: Any) -> str | None:
    announcement_of(value)
    return None


_CHECKS: dict[str, Callable[[str, Any], str | None]] = {
    SETTING: _setting_problem,
    FEATURE: _feature_problem,
    MAINTENANCE: _maintenance_problem,
    ANNOUNCEMENT: _announcement_problem,
}
_ADAPTERS: dict[str, TypeAdapter[Any]] = {
    name: TypeAdapter(Annotated[Settings.model_fields[name].annotation, Settings.model_fields[name]])  # type: ignore[arg-type]
    for name in AT_ONCE | AFTER_RESTART
}
