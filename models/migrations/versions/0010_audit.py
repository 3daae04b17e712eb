"""The audit trail: rows are only ever added, the database sees to it; and found by who, what and to what."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

UPGRADE = (
    "CREATE INDEX idx_web_audit_actor ON web_audit (actor_name, id)",
    "CREATE INDEX idx_web_audit_action ON web_audit (action, id)",
    "CREATE INDEX idx_web_audit_target ON web_audit (target, id)",
    """
    CREATE FUNCTION web_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'web_audit is append-only' USING ERRCODE = 'insufficient_privilege';
    END $$
    """,
    """
    CREATE TRIGGER web_audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON web_audit
    FOR EACH STATEMENT EXECUTE FUNCTION web_audit_is_append_only()
    """,
)
DOWNGRADE = (
    "DROP TRIGGER web_audit_append_only ON web_audit",
    "DROP FUNCTION web_audit_is_append_only()",
    "DROP INDEX idx_web_audit_target",
    "DROP INDEX idx_web_audit_action",
    "DROP INDEX idx_web_audit_actor",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
