"""What the API takes and gives of checks."""

from pydantic import Field, StrictBool, StrictStr, TypeAdapter

from chat_api.checks.schemas import RunView, SuiteDraft, SuiteView
from chat_api.http.base_models import Answer, Body

_DRAFT = TypeAdapter(SuiteDraft)


class CheckPromptBody(Body):
    """One prompt, and what its answer has to be like."""

    text: StrictStr = Field(min_length=1, max_length=2000, examples=["What is your name?"])
    contains: list[StrictStr] = Field(default_factory=list, max_length=20, examples=[["Elena"]])
    excludes: list[StrictStr] = Field(default_factory=list, max_length=20, examples=[["language model"]])
    matches: StrictStr | None = Field(None, max_length=500, description="RE2 pattern.", examples=["(?i)elena"])
    max_s: float | None = Field(None, gt=0, le=600, strict=False, examples=[20])
    is_answer_required: StrictBool = True
    is_apology_refused: StrictBool = True


class CheckSuiteBody(Body):
    """A suite of prompts."""

    name: StrictStr = Field(min_length=1, max_length=80, examples=["Smoke"])
    prompts: list[CheckPromptBody] = Field(
        min_length=1, max_length=50, examples=[[{"text": "What is your name?", "contains": ["Elena"]}]]
    )

    def draft(self) -> SuiteDraft:
        """As the service takes it."""
        return _DRAFT.validate_python(self.model_dump())


class CheckRunBody(Body):
    """Which bots are asked."""

    bot_names: list[StrictStr] = Field(
        default_factory=list, max_length=1000, description="None: all bots.", examples=[["elena"]]
    )


class CheckSuiteList(Answer):
    """All suites, by name."""

    suites: tuple[SuiteView, ...]


class CheckRunList(Answer):
    """Runs, newest first."""

    runs: tuple[RunView, ...]
