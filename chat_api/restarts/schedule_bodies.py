"""What the API takes and gives of scheduled restarts."""

from datetime import date
from typing import Literal

from pydantic import Field, StrictInt, StrictStr, TypeAdapter

from chat_api.http.base_models import Answer, Body
from chat_api.restarts.schedule_schemas import RestartScheduleDraft, RestartScheduleView

_DRAFT = TypeAdapter(RestartScheduleDraft)


class RestartScheduleBody(Body):
    """A rolling restart at a time of day."""

    name: StrictStr = Field(min_length=1, max_length=80, examples=["Nightly"])
    bots: list[StrictStr] | None = Field(
        None, min_length=1, max_length=1000, description="In this order. Null: all.", examples=[["elena", "marcus"]]
    )
    batch_size: StrictInt = Field(1, ge=1, le=50, description="Bots restarted at a time.", examples=[1])
    recurrence: Literal["once", "daily", "weekly"] = Field("daily", examples=["weekly"])
    weekdays: list[StrictInt] = Field(
        default_factory=list, max_length=7, description="For `weekly`; Monday is 0.", examples=[[0, 3]]
    )
    on_day: date | None = Field(None, strict=False, description="For `once`.", examples=["2027-01-31"])
    at_time: StrictStr = Field("04:00", min_length=5, max_length=5, examples=["04:00"])
    time_zone: StrictStr = Field("UTC", min_length=1, max_length=64, examples=["Europe/Berlin"])

    def draft(self) -> RestartScheduleDraft:
        """As the service takes it."""
        return _DRAFT.validate_python(self.model_dump())


class RestartScheduleList(Answer):
    """All scheduled restarts, by name."""

    schedules: tuple[RestartScheduleView, ...]
