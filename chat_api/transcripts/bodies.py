"""What the doors of other people's conversations take and give."""

from typing import Literal

from pydantic import AwareDatetime, Field, StrictStr

from chat_api.http.base_models import Body
from chat_api.people.bodies import ReasonBody
from chat_api.people.service import MAX_REASON_CHARS


class SearchBody(Body):
    """What a conversation must have."""

    user: StrictStr | None = Field(None, min_length=1, max_length=200, description="A name or an id.", examples=["ann"])
    bot_name: StrictStr | None = Field(None, min_length=1, max_length=50, examples=["elena"])
    words: StrictStr | None = Field(
        None, min_length=1, max_length=200, description="Needs a reason.", examples=["refund"]
    )
    since: AwareDatetime | None = Field(None, strict=False, examples=["2026-03-01T00:00:00Z"])
    until: AwareDatetime | None = Field(None, strict=False, examples=["2026-03-31T00:00:00Z"])
    reason: StrictStr | None = Field(None, max_length=MAX_REASON_CHARS, examples=["Ticket 4711"])


class ReadTranscriptBody(ReasonBody):
    """Why a conversation is read, and from where."""

    before: int | None = Field(None, ge=0, le=2**62, description="`next_before` of the page after.", examples=[42])
    limit: int = Field(50, ge=1, le=200, examples=[50])


class ExportBody(ReasonBody):
    """Why a conversation is exported, and as what."""

    format: Literal["json", "markdown"] = Field("json", examples=["markdown"])
