"""The table of all settings for ``docs/configuration.md``, made from the settings themselves."""

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from chat_api.core.settings import Settings

INTRODUCTION = """\
# Configuration

Everything is set by environment variables; an empty one counts as absent. Durations are in the unit that the meaning
names. Relative paths start at the project's folder. This file is made by `./web-ui.sh settings-table`.

`./web-ui.sh demo` also reads `SAMPLE_BOT_BASE_PORT` (default 9091), the first port of its five sample bots, and brings
its own servers: `DATABASE_URL`, `REDIS_URL` and `BOTS_CONFIG` do not reach it."""


def settings_table() -> str:
    """Markdown: every environment variable, its default and its meaning."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield from INTRODUCTION.splitlines()
    yield ""
    yield "| Variable | Default | Meaning |"
    yield "|---|---|---|"
    for name, field in Settings.model_fields.items():
        meaning = re.sub(r"\|", r"\\|", field.description or "")
        yield f"| `{name.upper()}` | {_default(field)} | {meaning} |"


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value is PydanticUndefined or value in ((), ""):
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{value.as_posix() if isinstance(value, Path) else value}`"
