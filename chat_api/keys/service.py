"""API keys for their owners and for administrators: made, changed, rotated, revoked, and what they were used for."""

from datetime import UTC, timedelta
from uuid import UUID

from chat_api.audit.service import AuditService
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Connection, Database
from chat_api.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from chat_api.core.ids import new_id
from chat_api.core.language import _
from chat_api.core.principals import Permission, Principal, grantable_scopes
from chat_api.core.security import KeyRing, new_api_key
from chat_api.core.text import check_name
from chat_api.keys import repository as keys
from chat_api.keys.access import KeyAccess
from chat_api.keys.schemas import KeyDay, KeyDraft, KeyView, NewKey
from chat_api.people.schemas import person_reference
from chat_api.settings.feature_flags import FeatureFlags
from chat_api.settings.schemas import Feature
from models import KeyScope, WebApiKey

MAX_NAME_CHARS = 60
MAX_KEYS = 100
MAX_BOTS = 200
MAX_PER_MINUTE = 100_000
MAX_PER_DAY = 100_000_000
MAX_OVERLAP_HOURS = 30 * 24
MAX_USAGE_DAYS = 400


class KeysService:
    """Behind both pages of keys and their routes. A key itself may do nothing here."""

    def __init__(
        self,
        database: Database,
        key_ring: KeyRing,
        access: KeyAccess,
        audit: AuditService,
        *,
        feature_flags: FeatureFlags | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._database = database
        self._key_ring = key_ring
        self._access = access
        self._audit = audit
        self._feature_flags = feature_flags or FeatureFlags()
        self._clock = clock

    async def own(self, principal: Principal) -> tuple[KeyView, ...]:
        """The keys of whoever asks, newest first. Raises: PermissionDenied."""
        principal.require(Permission.OWN_KEYS)
        async with self._database.read() as connection:
            return await keys.of_owner(connection, principal.user_id, is_admin=principal.is_admin)

    async def everybodys(self, principal: Principal) -> tuple[KeyView, ...]:
        """All keys, those of people too. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.MANAGE_KEYS)
        async with self._database.read() as connection:
            return await keys.of_all(connection)

    async def create(self, principal: Principal, draft: KeyDraft) -> NewKey:
        """Make a key of whoever asks; its secret is in the answer, and nowhere else from then on.

        Raises: InvalidInput, Conflict (too many), PermissionDenied (guests), FeatureOff.
        """
        principal.require(Permission.OWN_KEYS)
        if principal.is_guest:
            raise PermissionDenied("Guests can't have API keys: no one could come back to a guest's account.")
        if not principal.is_admin:
            self._feature_flags.require(Feature.API_KEYS)
        draft = self._checked(draft, allowed=set(grantable_scopes(principal.role)))
        key = WebApiKey(
            id=new_id(),
            owner_id=principal.user_id,
            is_admin=principal.is_admin,
            name=draft.name,
            scopes=list(draft.scopes),
            bots=list(draft.bots),
            background=draft.background,
            requests_per_minute=draft.requests_per_minute,
            messages_per_day=draft.messages_per_day,
            created_by=principal.username,
            expires_at=draft.expires_at,
        )
        async with self._database.write() as connection:
            if await keys.count_active(connection, principal.user_id) >= MAX_KEYS:
                raise Conflict(_("You can have at most {count} API keys.", count=MAX_KEYS))
            await keys.add(connection, key)
            secret = await self._new_secret(connection, key.id)
            await self._record(connection, principal, "keys.create", await self._get(connection, key.id))
            return NewKey(key=await self._get(connection, key.id), secret=secret)

    async def change(self, principal: Principal, key_id: UUID, draft: KeyDraft) -> KeyView:
        """Give a key another name, scopes, limits or end. Its owner's rights are the most it can have.

        Raises: NotFound, Conflict (revoked), InvalidInput, PermissionDenied.
        """
        async with self._database.write() as connection:
            before = await self._mine(connection, principal, key_id)
            # Of another's key an administrator can only take away.
            own = () if before.owner_id != principal.user_id else grantable_scopes(principal.role)
            checked = self._checked(draft, allowed={*own, *before.scopes})
            is_changed = await keys.change(
                connection,
                key_id,
                name=checked.name,
                scopes=checked.scopes,
                bots=checked.bots,
                background=checked.background,
                requests_per_minute=checked.requests_per_minute,
                messages_per_day=checked.messages_per_day,
                expires_at=checked.expires_at,
            )
            if not is_changed:
                raise Conflict("This API key has been revoked.")
            changed = await self._get(connection, key_id)
            await self._record(connection, principal, "keys.change", changed)
        self._access.changed()
        return changed

    async def rotate(self, principal: Principal, key_id: UUID, *, overlap_hours: float) -> NewKey:
        """Give a key a new secret; the one until now goes on working for the overlap, so that nothing stands still.

        Raises: NotFound, Conflict (revoked), InvalidInput, PermissionDenied.
        """
        if not 0 <= overlap_hours <= MAX_OVERLAP_HOURS:
            raise InvalidInput(_("from 0 to {most}", most=MAX_OVERLAP_HOURS), field="overlap_hours")
        async with self._database.write() as connection:
            if (await self._mine(connection, principal, key_id)).revoked_at is not None:
                raise Conflict("This API key has been revoked.")
            await keys.retire_secrets(connection, key_id, overlap_s=3600 * overlap_hours)
            secret = await self._new_secret(connection, key_id)
            rotated = await self._get(connection, key_id)
            await self._record(connection, principal, "keys.rotate", rotated, overlap_hours=overlap_hours)
        self._access.changed()
        return NewKey(key=rotated, secret=secret)

    async def revoke(self, principal: Principal, key_id: UUID) -> KeyView:
        """End a key for good, everywhere at once; one that has ended stays as it is.

        Raises: NotFound, PermissionDenied.
        """
        async with self._database.write() as connection:
            await self._mine(connection, principal, key_id)
            is_revoked = await keys.revoke(connection, key_id, by=principal.username)
            revoked = await self._get(connection, key_id)
            if is_revoked:
                await self._record(connection, principal, "keys.revoke", revoked)
        self._access.changed()
        return revoked

    async def usage(self, principal: Principal, key_id: UUID, *, days: int = 30) -> tuple[KeyDay, ...]:
        """What a key did on each of the last days, oldest first. Raises: NotFound, InvalidInput, PermissionDenied."""
        if not 1 <= days <= MAX_USAGE_DAYS:
            raise InvalidInput(_("from 1 to {most}", most=MAX_USAGE_DAYS), field="days")
        async with self._database.read() as connection:
            await self._mine(connection, principal, key_id)
            found = {day.day: day for day in await keys.usage(connection, key_id, days=days)}
        today = self._clock.now().astimezone(UTC).date()
        every_day = [today - timedelta(days=ago) for ago in reversed(range(days))]
        return tuple(found.get(day) or KeyDay(day=day, messages=0, requests=0, refused=0) for day in every_day)

    async def prune(self) -> None:
        """Forget what keys did more than a year ago."""
        async with self._database.write() as connection:
            await keys.prune_usage(connection, days=MAX_USAGE_DAYS)

    def _checked(self, draft: KeyDraft, *, allowed: set[KeyScope]) -> KeyDraft:
        """A draft as it may be stored. Raises: InvalidInput."""
        if not draft.scopes or not set(draft.scopes) <= allowed:
            raise InvalidInput("choose some of what you may do yourself", field="scopes")
        if len(draft.bots) > MAX_BOTS or any(not 0 < len(bot) <= 50 for bot in draft.bots):
            raise InvalidInput("names of bots", field="bots")
        for field, value, most in (
            ("requests_per_minute", draft.requests_per_minute, MAX_PER_MINUTE),
            ("messages_per_day", draft.messages_per_day, MAX_PER_DAY),
        ):
            if value is not None and not 1 <= value <= most:
                raise InvalidInput(_("from 1 to {most}", most=most), field=field)
        if draft.expires_at is not None and draft.expires_at <= self._clock.now():
            raise InvalidInput("a time that is to come", field="expires_at")
        return KeyDraft(
            name=check_name(draft.name, field="name", min_chars=1, max_chars=MAX_NAME_CHARS),
            scopes=[scope for scope in KeyScope if scope in draft.scopes],
            bots=sorted(set(draft.bots)),
            background=draft.background,
            requests_per_minute=draft.requests_per_minute,
            messages_per_day=draft.messages_per_day,
            expires_at=draft.expires_at,
        )

    async def _mine(self, connection: Connection, principal: Principal, key_id: UUID) -> KeyView:
        """A key of whoever asks, or of anybody for who may manage all. Raises: NotFound, PermissionDenied."""
        principal.require(Permission.OWN_KEYS)
        key = await keys.get(connection, key_id)
        is_own = key is not None and (key.owner_id, key.is_admin) == (principal.user_id, principal.is_admin)
        if key is None or not (is_own or principal.may(Permission.MANAGE_KEYS)):
            raise NotFound("Unknown API key.")
        return key

    async def _get(self, connection: Connection, key_id: UUID) -> KeyView:
        key = await keys.get(connection, key_id)
        if key is None:
            raise NotFound("Unknown API key.")
        return key

    async def _new_secret(self, connection: Connection, key_id: UUID) -> str:
        secret = new_api_key()
        await keys.add_secret(connection, key_id, self._key_ring.digests(secret)[0], last_four=secret[-4:])
        return secret

    async def _record(
        self, connection: Connection, principal: Principal, action: str, key: KeyView, **more: object
    ) -> None:
        details = {
            "key_id": str(key.key_id),
            "last_four": key.last_four,
            "scopes": list(key.scopes),
            "owner": key.owner_name if key.is_admin else person_reference(key.owner_id),
        }
        await self._audit.record(principal, action, key.name, details=details | more, connection=connection)
