"""Our tables leave ``public``, or wherever an older version made them, for a schema of our own.

On a database that is set up now there is nothing to move. Only what an older version of ours has made is: a table of its
version says so.
"""

from alembic import context, op

from models.connections import SCHEMA
from models.migrations import people
from models.migrations.schema import elsewhere, has_table, move_tables, wait_for_older_processes

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

VERSION_TABLE = "web_ui_alembic_version"
TABLES = (
    VERSION_TABLE, "web_accounts", "web_activity_days", "web_admins", "web_alert_channels", "web_alert_rules",
    "web_alert_subjects", "web_alerts", "web_audit", "web_bot_checks", "web_bot_policies", "web_bot_restarts", "web_claims",
    "web_conversations", "web_events", "web_fleet_reports", "web_incident_bots", "web_incident_entries",
    "web_incident_evidence", "web_incidents", "web_instances", "web_leases", "web_maintenance_windows", "web_merges",
    "web_message_versions", "web_notifications", "web_processes", "web_reactions", "web_retention", "web_rolling_restarts",
    "web_series", "web_series_writers", "web_settings", "web_status_intervals", "web_streams", "web_threads", "web_usage",
    "web_usage_dirty", "web_user_sessions", "web_ws_tickets",
)
FUNCTION = "web_audit_is_append_only()"


def upgrade() -> None:
    connection = op.get_bind()
    schema = elsewhere(connection, VERSION_TABLE)
    if schema is None or has_table(connection, SCHEMA, VERSION_TABLE):
        return
    wait_for_older_processes(connection, context.config.attributes["drain_s"])
    move_tables(connection, schema, TABLES)
    op.execute(f'ALTER FUNCTION "{schema}".{FUNCTION} SET SCHEMA {SCHEMA}')
    people.move(connection, schema, ours=TABLES)


def downgrade() -> None:
    connection = op.get_bind()
    move_tables(connection, SCHEMA, (*TABLES, people.USERS, people.IDENTITIES), to="public")
    op.execute(f"ALTER FUNCTION {SCHEMA}.{FUNCTION} SET SCHEMA public")
