"""What all processes on one database have in common."""

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.ids import new_id
from models import WebSetting

DEPLOYMENT_ID_KEY = "deployment_id"
_STORED = text("SELECT value FROM web_settings WHERE key = :key")


async def deployment_id(connection: AsyncConnection) -> str:
    """The name of this deployment, the same in each of its processes: made once, by whoever asks first.

    Each statement must be a transaction of its own (``Database.statement``), to see what another process just made.
    """
    values = {"key": DEPLOYMENT_ID_KEY, "value": new_id().hex}
    await connection.execute(upsert(WebSetting).values(**values).on_conflict_do_nothing(index_elements=["key"]))
    return str((await connection.execute(_STORED, {"key": DEPLOYMENT_ID_KEY})).scalar_one())
