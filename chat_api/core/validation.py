"""What pydantic finds wrong with a value, in words for people."""

from collections.abc import Mapping
from typing import Any, Final

from chat_api.core.language import N_, _, ngettext

# By the kind of error, with the values that pydantic gives for it. Source: docs.pydantic.dev, "Validation errors".
_RULES: Final[Mapping[str, str]] = {
    "missing": N_("is required"),
    "string_type": N_("must be text"),
    "literal_error": N_("must be one of {expected}"),
    "enum": N_("must be one of {expected}"),
    "int_type": N_("must be a whole number"),
    "int_parsing": N_("must be a whole number"),
    "int_from_float": N_("must be a whole number"),
    "float_type": N_("must be a number"),
    "float_parsing": N_("must be a number"),
    "finite_number": N_("must be a number"),
    "bool_type": N_("must be true or false"),
    "bool_parsing": N_("must be true or false"),
    "list_type": N_("must be a list"),
    "tuple_type": N_("must be a list"),
    "dict_type": N_("must be an object"),
    "greater_than_equal": N_("must be {ge} or more"),
    "less_than_equal": N_("must be {le} or less"),
    "greater_than": N_("must be more than {gt}"),
    "less_than": N_("must be less than {lt}"),
    "uuid_type": N_("must be a UUID"),
    "uuid_parsing": N_("must be a UUID"),
}


def describe(problem: Mapping[str, Any], *, other: str = N_("is not valid")) -> str:
    """One entry of a ``ValidationError`` as the end of a sentence about its field; the value is never repeated.

    ``other`` stands for what is none of the known kinds.
    """
    kind, facts = problem["type"], {name: _plain(fact) for name, fact in (problem.get("ctx") or {}).items()}
    if kind == "string_too_short":
        return ngettext("use at least {count} character", "use at least {count} characters", facts["min_length"])
    if kind == "string_too_long":
        return ngettext("use at most {count} character", "use at most {count} characters", facts["max_length"])
    return _(_RULES[kind], **facts) if kind in _RULES else _(other)


def _plain(fact: Any) -> Any:
    return int(fact) if isinstance(fact, float) and fact.is_integer() else fact
