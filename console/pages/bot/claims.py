"""What a bot claims of the parts that it talks through: shown as its claim, and never taken for how they are."""

from collections.abc import Iterator, Mapping
from html import escape

from chat_api.bots.schemas import BotInfo
from chat_api.core.language import N_, _

CLAIMED = frozenset({"database_status", "queue_depths"})
NOTE = N_(
    "The bot's own claims. “Connected” only means that it has a client. What was checked is on the Fleet page, and no"
    " claim changes it."
)
MAX_PARTS = 12
_TITLES = {"postgres": "PostgreSQL", "qdrant": "Qdrant", "neo4j": "Neo4j", "redis": "Redis", "influxdb": "InfluxDB"}


def claims(info: BotInfo) -> Iterator[tuple[str, str]]:
    """What it says of its databases and its queues, as facts in markup."""
    databases, queues = (_mapping(info, name) for name in ("database_status", "queue_depths"))
    missing = [_title(name) for name, is_there in databases.items() if is_there is False]
    there = [_title(name) for name, is_there in databases.items() if is_there is True]
    said = []
    if missing:
        said.append(f"<strong>{_('no client: {names}', names=', '.join(missing[:MAX_PARTS]))}</strong>")
    if there:
        said.append(_("connected: {names}", names=", ".join(there[:MAX_PARTS])))
    if said:
        yield _("Databases (claim)"), "<br>".join(said)
    depths = [
        f"{escape(str(name)[:40])} {depth:,}"
        for name, depth in queues.items()
        if isinstance(depth, int) and not isinstance(depth, bool)
    ]
    if depths:
        yield _("Queues (claim)"), ", ".join(depths[:MAX_PARTS])


def has_claims(info: BotInfo) -> bool:
    """Whether there is anything that needs to be told as a claim."""
    return next(claims(info), None) is not None


def _mapping(info: BotInfo, name: str) -> Mapping[object, object]:
    value = info.facts.get(name)
    return value if isinstance(value, Mapping) else {}


def _title(name: object) -> str:
    return escape(_TITLES.get(str(name), str(name)[:40]))
