"""Who speaks through a key: its account, or a person of that account alone whom the client names."""

import unicodedata

from chat_api.core.database import Database
from chat_api.core.errors import NotFound, PermissionDenied
from chat_api.core.ids import new_universal_id
from chat_api.core.principals import Principal
from chat_api.core.security import token_hash
from chat_api.core.text import cleaned, name_key, skeletons_of
from chat_api.gateway import repository as identities
from chat_api.people import accounts_repository as accounts
from chat_api.people.accounts_repository import AccountRow

MAX_USERNAME_CHARS = 30
MAX_DISPLAY_CHARS = 50


class Speakers:
    """Finds or makes them: guests among the people, whom nobody signs in as, and who can be erased and banned."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, key: Principal, name: str | None) -> Principal:
        """Who says what came with a key. Without a name, or with its own, that is the key's account.

        An administrator is nobody to bots: whom no name tells is a person of the administrator's own.
        Raises: PermissionDenied for somebody who is banned.
        """
        is_itself = name is None or name in {key.username, key.user_id}
        if is_itself and not key.is_admin:
            return key
        said = key.username if name is None else name
        name_hash = token_hash(said)
        found = await identities.find(self._database, key.user_id, name_hash)
        if found is None:
            await self._make(key.user_id, name_hash, said)
            found = await identities.find(self._database, key.user_id, name_hash)
        if found is None:  # erased at this moment
            raise NotFound
        user_id, username, display_name, is_banned = found
        if is_banned:
            raise PermissionDenied("This account is suspended.")
        return Principal(
            user_id=user_id,
            username=username,
            display_name=display_name,
            session_id=key.session_id,
            is_guest=True,
            address=key.address,
            key=key.key,
        )

    async def _make(self, owner_id: str, name_hash: str, said: str) -> None:
        shown = _shown(said)
        account = AccountRow(
            user_id=new_universal_id(),
            username=shown[:MAX_USERNAME_CHARS],
            display_name=shown,
            is_guest=True,
            password_hash=None,
            banned_at=None,
        )
        async with self._database.write() as connection:
            if not await identities.begin(connection, owner_id, name_hash):
                return
            key = name_key(account.username)
            await accounts.create(connection, account, name_key=key, looks=skeletons_of(account.username))
            await identities.add(connection, owner_id, name_hash, account.user_id)


def _shown(said: str) -> str:
    """A client's name for somebody as it may be shown: one line, what can be seen of it."""
    text = unicodedata.normalize("NFC", cleaned(said, max_chars=10 * MAX_DISPLAY_CHARS))
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line[:MAX_DISPLAY_CHARS] or "API user"
