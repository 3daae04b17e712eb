"""What proves a name belongs to one account and one browser, ends after a time, and can be revoked; a code works once.

What browsers hold from before goes on working, each for the accounts that it opened: people without a password have
nothing else. It is exchanged for one of the new kind at the next sign-in.
"""

from alembic import op
from sqlalchemy import text

from models.skeletons import skeletons

revision = "0015"
down_revision = "0013"
branch_labels = None
depends_on = None

UPGRADE = (
    # The defaults stay for processes of the version before, which run while this one starts. One family is what one browser got for one account, one after the other; it is revoked as a whole.
    "ALTER TABLE web_claims ADD COLUMN family_id UUID NOT NULL DEFAULT gen_random_uuid()",
    "ALTER TABLE web_claims ADD COLUMN expires_at TIMESTAMPTZ NOT NULL DEFAULT now() + interval '90 days'",
    "CREATE INDEX ix_web_claims_family_id ON web_claims (family_id)",
    "CREATE INDEX ix_web_claims_expires_at ON web_claims (expires_at)",
    "ALTER TABLE web_user_sessions ADD COLUMN claim_family UUID",
    "ALTER TABLE web_admins ADD COLUMN totp_used_steps BIGINT[] NOT NULL DEFAULT '{}'",
    "ALTER TABLE web_accounts ADD COLUMN looks VARCHAR(120)[] NOT NULL DEFAULT '{}'",
    "CREATE INDEX idx_web_accounts_looks ON web_accounts USING gin (looks) WHERE NOT is_guest",
)
DOWNGRADE = (
    "DROP INDEX idx_web_accounts_looks",
    "ALTER TABLE web_accounts DROP COLUMN looks",
    "ALTER TABLE web_admins DROP COLUMN totp_used_steps",
    "ALTER TABLE web_user_sessions DROP COLUMN claim_family",
    "DROP INDEX ix_web_claims_expires_at",
    "DROP INDEX ix_web_claims_family_id",
    "ALTER TABLE web_claims DROP COLUMN expires_at",
    "ALTER TABLE web_claims DROP COLUMN family_id",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)
    _fill_looks()


def _fill_looks() -> None:
    """What the names that are held already look like."""
    connection = op.get_bind()
    after = ""
    while True:
        rows = connection.execute(
            text("SELECT user_id, username FROM web_accounts WHERE NOT is_guest AND user_id > :after"
                 " ORDER BY user_id LIMIT 1000"),
            {"after": after},
        ).all()
        if not rows:
            return
        after = rows[-1].user_id
        connection.execute(
            text("UPDATE web_accounts SET looks = :looks WHERE user_id = :user_id"),
            [{"user_id": row.user_id, "looks": skeletons(row.username)} for row in rows],
        )


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
