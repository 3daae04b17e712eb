"""Structured logging: stable event names with fields, a request id on every line, and no secrets on any.

Message text, passwords and tokens are never passed to a logger; what a library logs by itself (a WebSocket path has
the token in it) is redacted here, at the one place every line passes.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from chat_api.core.log_bounds import OncePerMinute, one_line
from chat_api.core.masking import MASK, mask_secrets

_SECRET_FIELDS = frozenset({"token", "password", "secret", "authorization", "cookie", "client_id", "message_text"})


def redact(text: str) -> str:
    """Mask tokens, credentials and client ids in any text: :func:`chat_api.core.masking.mask_secrets`."""
    return mask_secrets(text)


def _redacted(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if key in _SECRET_FIELDS:
            event[key] = MASK
        elif isinstance(value, str):
            event[key] = redact(value)
    return event


def configure_logging(*, level: str = "INFO", log_format: str = "json") -> None:
    """Send structlog's and the standard library's records through one chain to standard output."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redacted,
    ]
    rendering: list[structlog.typing.Processor] = (
        [structlog.processors.JSONRenderer()]
        if log_format == "json"
        else [one_line, structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())]
    )
    structlog.configure(
        # First, so that what is not logged costs nothing.
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _redacted, *rendering],
        )
    )
    handler.addFilter(OncePerMinute())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # The libraries of the page socket add handlers of their own where they are imported before this.
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "engineio.server", "socketio.server"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
    # Below INFO it writes down every frame of a WebSocket, and its headers.
    logging.getLogger("uvicorn.error").setLevel(max(logging.getLevelName(level), logging.INFO))
    # Our own access line says more, and uvicorn's would carry WebSocket tokens.
    logging.getLogger("uvicorn.access").disabled = True
    for name in ("httpx", "httpcore", "aiohttp", "asyncio", "docker", "urllib3", "websockets", "markdown_it"):
        logging.getLogger(name).setLevel(logging.WARNING)


def set_log_level(level: str) -> None:
    """Log from another level on."""
    logging.getLogger().setLevel(level)
    logging.getLogger("uvicorn.error").setLevel(max(logging.getLevelName(level), logging.INFO))


def is_logged(level: int) -> bool:
    """Whether lines of this level are written: where one is made for every message, to know is cheaper than to try."""
    return logging.getLogger().isEnabledFor(level)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger; use ``log.info("message_sent", user_id=…, bot_name=…)``, never formatted text."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
