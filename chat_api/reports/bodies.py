"""What the API takes of the daily report."""

from uuid import UUID

from pydantic import Field, StrictBool, StrictStr, TypeAdapter

from chat_api.http.base_models import Body
from chat_api.reports.schemas import ScheduleDraft

_DRAFT = TypeAdapter(ScheduleDraft)


class ReportScheduleBody(Body):
    """When the report of a day is sent, on the day after it."""

    is_on: StrictBool = Field(examples=[True])
    at_time: StrictStr = Field("08:00", min_length=5, max_length=5, examples=["08:00"])
    time_zone: StrictStr = Field(
        "UTC",
        min_length=1,
        max_length=64,
        description="Whose clocks are meant; its midnight is where days begin.",
        examples=["Europe/Berlin"],
    )
    channels: list[UUID] | None = Field(
        None, strict=False, max_length=1000, description="Null: all channels.", examples=[None]
    )

    def draft(self) -> ScheduleDraft:
        """As the service takes it."""
        return _DRAFT.validate_python(self.model_dump())
