"""Log lines as the API gives them."""

from datetime import datetime

from pydantic import Field

from chat_api.http.base_models import Answer


class LogEntry(Answer):
    """One line, masked."""

    at: datetime
    bot_name: str = Field(examples=["elena"])
    stream: str = Field(examples=["stdout"])
    level: str = Field(description="`debug`, `info`, `warning`, `error` or `other`.", examples=["error"])
    text: str = Field(validation_alias="plain", description="Without colours; at most 4,000 characters.")


class LogAnswer(Answer):
    """A piece of history, oldest first."""

    lines: list[LogEntry]
    is_cut: bool = Field(description="There is more in the span.")
    failures: dict[str, str] = Field(description="Bots whose log could not be read, and why.")
