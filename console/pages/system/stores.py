"""The System page's PostgreSQL and Redis as markup."""

from html import escape
from typing import Final

from chat_api.core.language import N_, _
from chat_api.core.slow_queries import SlowQuery
from chat_api.system.schemas import (
    DatabaseView,
    RedisView,
)
from console.labels import Mark
from console.pages.system.cells import amount, muted, number, table
from console.widgets.fact_words import facts_html, moment
from console.widgets.marks import status_mark
from console.widgets.quantities import latency, span, whole

SLOW_COLUMNS: Final = (
    (N_("Query"), False),
    (N_("Calls"), True),
    (N_("Total"), True),
    (N_("Longest"), True),
    (N_("Last"), True),
)


def slow_query(query: SlowQuery) -> tuple[str, ...]:
    """The cells of one slow statement."""
    statement = escape(query.statement)
    return (
        f'<details class="we-statement"><summary><code class="we-cut">{statement}</code></summary>'
        f"<code>{statement}</code></details>",
        str(query.count),
        latency(1000 * query.total_s),
        latency(1000 * query.max_s),
        moment(query.last_at),
    )


def database_facts(database: DatabaseView | None) -> str:
    """PostgreSQL, or that it is away."""
    if database is None:
        return muted(_("PostgreSQL isn't responding."))
    is_newest = database.migration == database.migration_head
    if is_newest:
        migration = Mark(_("{version}, up to date", version=database.migration), "ok", "online")
    else:
        said = _(
            "{version}, but the code expects {expected}",
            version=database.migration,
            expected=database.migration_head,
        )
        migration = Mark(said, "bad", "degraded")
    facts = (
        (_("Version"), escape(database.version)),
        (_("Size"), amount(database.size_bytes)),
        (_("Connections"), _("{used} of {limit}", used=database.connections, limit=database.max_connections)),
        (_("Migration"), status_mark(migration, testid="migration")),
    )
    return facts_html(facts)


def tables_table(database: DatabaseView | None) -> str:
    """Its biggest tables."""
    rows = (
        f'<th scope="row"><code>{escape(table.name)}</code></th>'
        f"{number(whole(table.rows))}{number(amount(table.size_bytes))}"
        for table in (database.tables if database else ())
    )
    return table([(_("Largest tables"), False), (_("Rows (approx.)"), True), (_("Size"), True)], rows)


def redis_part(redis: RedisView | None) -> str:
    """Redis, or that it is away."""
    if redis is None:
        return muted(_("Redis isn't responding."))
    return facts_html(
        (
            ("Redis", escape(redis.version)),
            (_("Memory"), amount(redis.memory_bytes)),
            (_("Clients"), str(redis.clients)),
            (_("Keys"), whole(redis.keys)),
            (_("Commands"), f"{redis.operations_per_s}/s"),
            (_("Uptime"), span(redis.uptime_s)),
        )
    )
