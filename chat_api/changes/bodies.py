"""What the endpoints of changes give."""

from uuid import UUID

from pydantic import Field

from chat_api.changes.schemas import ConfigurationView
from chat_api.http.base_models import Answer


class ChangesAnswer(Answer):
    """A page of configurations, newest first."""

    configurations: tuple[ConfigurationView, ...]
    next_before: UUID | None = Field(description="Give it as `before` for the page after this one.")
