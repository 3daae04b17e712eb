"""What all bodies of the API are made of, and the one shape of errors."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field


class Body(BaseModel):
    """A request body. Unknown keys are ignored, as base clients may send more; types are never coerced."""

    model_config = ConfigDict(strict=True, extra="ignore")


class Answer(BaseModel):
    """What the API gives. Made of a service's value by the names of its fields, with ``model_validate``."""

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError("lies outside of the calendar") from error


# A time in an address; without a zone it is UTC. PostgreSQL's driver fails on one whose UTC is in no year.
QueryTime = Annotated[datetime, AfterValidator(_in_utc)]
# The id of something, a UUID here, as any text to those who read it.
TextId = Annotated[str, BeforeValidator(str)]
# A time in a body: from JSON it is a text, which a strict type would refuse.
Moment = Annotated[AwareDatetime, Field(strict=False)]


class ErrorDetail(BaseModel):
    """One error."""

    model_config = ConfigDict(extra="allow")

    code: str = Field(description="Stable name of the error.", examples=["not_authenticated"])
    message: str = Field(description="What to tell a person.", examples=["Please sign in."])
    request_id: str = Field(description="Reference for the operator's log.", examples=["a91f0c4be2d17730"])
    field: str | None = Field(None, description="What was sent and is not valid, by its name.", examples=["bot_name"])


class ErrorBody(BaseModel):
    """How every error looks."""

    error: ErrorDetail


class Success(Answer):
    """It is done."""

    success: bool = True
