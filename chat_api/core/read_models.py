"""What read models have in common that the API gives as they are."""

from pydantic import ConfigDict


class ReadModel:
    """Base of a dataclass that is an answer of the API, without another class that repeats it.

    ``Annotated[…, Field(description=…)]`` says in the OpenAPI document what a name does not. Nothing is checked when
    one is made, and every field is in the answer, also one that has its default.
    """

    __slots__ = ()
    __pydantic_config__ = ConfigDict(json_schema_serialization_defaults_required=True)
