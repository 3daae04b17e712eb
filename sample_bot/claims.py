"""What a bot says whatever is true: a fixed answer, another's name, and what it claims of its memory and its parts."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """``says`` is its answer to everything, ``answers_as`` the name in its answers; empty: its own."""

    says: str = ""
    answers_as: str = ""
    stores_memory: bool = True
    queue_depths: Mapping[str, int] = field(default_factory=dict)
    database_status: Mapping[str, bool] = field(default_factory=dict)
