"""A thing has one shape: no class of the API has the fields of a read model once more."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import chat_api
from chat_api.http.base_models import Answer

# They have classes of the API in them that differ from their read models.
NESTING = {"LogAnswer", "UsageAnswer"}


def answers(base: type[Answer] = Answer) -> Iterator[type[Answer]]:
    """Every class of answers, at any depth."""
    for answer in base.__subclasses__():
        yield answer
        yield from answers(answer)


def read_models() -> Iterator[type[Any]]:
    """Every dataclass of the backend."""
    for module in pkgutil.walk_packages(chat_api.__path__, "chat_api."):
        for found in vars(importlib.import_module(module.name)).values():
            if isinstance(found, type) and is_dataclass(found):
                yield found


def test_no_answer_repeats_a_read_model() -> None:
    """Under the same names, or some of them under others: what a service gives is the answer."""
    known = {frozenset(field.name for field in fields(model)): model.__name__ for model in read_models()}
    repeated = {}
    for answer in answers():
        read_from = frozenset(str(field.validation_alias or name) for name, field in answer.model_fields.items())
        if read_from in known:
            repeated[answer.__name__] = known[read_from]
    assert repeated.keys() == NESTING, repeated
