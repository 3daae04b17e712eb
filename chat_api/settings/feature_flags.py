"""What operators switch while the service runs: features, maintenance, and the announcement that everybody reads."""

from datetime import datetime

from chat_api.audit.service import AuditService
from chat_api.core.bus import Topic
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.errors import FeatureOff, InvalidInput, Maintenance, NotFound
from chat_api.core.language import N_
from chat_api.core.principals import Permission, Principal
from chat_api.core.text import check_text
from chat_api.settings.schemas import (
    FEATURE_MEANINGS,
    Announcement,
    Feature,
    FeatureView,
    MaintenanceView,
    Notices,
    Tone,
)
from chat_api.settings.store import SettingsStore, Values
from chat_api.settings.stored_values import announcement_of

MAX_ANNOUNCEMENT_CHARS = 300
ACTIVE_S = 300.0
MAX_MAINTENANCE_CHARS = 300
DEFAULT_MAINTENANCE = "The chat is under maintenance and can't take new messages right now. Please come back soon."
_REFUSALS = {
    Feature.NEW_USERS: N_("New people can't join right now. If you've been here before, sign in the same way."),
    Feature.GUESTS: N_("This name is taken. Please choose another one."),
    Feature.EDITING: N_("Messages can't be edited right now."),
    Feature.REACTIONS: N_("Reactions are turned off right now."),
    Feature.API_KEYS: N_("New API keys can't be made right now."),
}


class FeatureFlags:
    """How the switches stand in this process; services ask it, and it asks nobody."""

    def __init__(self) -> None:
        self._off: frozenset[Feature] = frozenset()
        self.maintenance: str | None = None

    def require(self, feature: Feature) -> None:
        """Raises: FeatureOff."""
        if feature in self._off:
            raise FeatureOff(_REFUSALS[feature])

    def require_open(self) -> None:
        """Raises: Maintenance, with the operator's words, while the chat takes no new messages."""
        if self.maintenance is not None:
            raise Maintenance(self.maintenance, retry_after_s=60)

    def is_on(self, feature: Feature) -> bool:
        """Whether a feature is there."""
        return feature not in self._off

    def take(self, values: Values) -> None:
        """Stand as is stored. What another version of us stored and this one does not know changes nothing."""
        off = {feature for feature in Feature if f"feature:{feature}" in values}
        self._off = frozenset(f for f in off if values[f"feature:{f}"].value is False)
        maintenance = values.get("maintenance")
        self.maintenance = str(maintenance.value) if maintenance is not None else None


class FeatureFlagsService:
    """Shows and sets them. ``notices`` tells what every page has on top, whenever that changes."""

    def __init__(
        self, store: SettingsStore, audit: AuditService, feature_flags: FeatureFlags, *, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._store = store
        self._audit = audit
        self._feature_flags = feature_flags
        self._clock = clock
        self._published = Notices()
        self.notices: Topic[Notices] = Topic("notices")
        store.changes.listen(self._changed)
        self._changed(store.values)

    # What everybody sees

    def current(self) -> Notices:
        """What is on top of every page now; anybody may know."""
        announcement = self._announcement()
        is_shown = announcement is not None and announcement.is_shown(self._clock.now())
        return Notices(announcement=announcement if is_shown else None, maintenance=self._feature_flags.maintenance)

    async def tick(self) -> None:
        """Tell when an announcement's time has come or gone; called every second."""
        self._tell()

    # Announcement

    def announcement(self, principal: Principal) -> Announcement | None:
        """The one that is set, shown or not yet or no more. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_SETTINGS)
        return self._announcement()

    async def announce(
        self,
        principal: Principal,
        text: str,
        *,
        tone: Tone = Tone.INFO,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
    ) -> Announcement | None:
        """Say something to everybody; an empty text takes it back. Raises: PermissionDenied, InvalidInput."""
        await self._audit.require(principal, Permission.MANAGE_SETTINGS, "announcement")
        if not text.strip():
            await self._store.delete(principal, "announcement", action="announcement.clear", target="announcement")
            return None
        said = check_text(text.strip(), field="text", max_chars=MAX_ANNOUNCEMENT_CHARS)
        now = self._clock.now()
        if ends_at is not None and ends_at <= max(starts_at or now, now):
            raise InvalidInput("ends_at must be after starts_at")
        value = {
            "text": said,
            "tone": str(tone),
            "starts_at": starts_at.isoformat() if starts_at else None,
            "ends_at": ends_at.isoformat() if ends_at else None,
        }
        await self._store.put(principal, "announcement", value, action="announcement.set", target="announcement")
        return self._announcement()

    # Features

    def features(self, principal: Principal) -> tuple[FeatureView, ...]:
        """Every switch. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_SETTINGS)
        return tuple(self._feature(feature) for feature in Feature)

    def feature(self, principal: Principal, name: str) -> FeatureView:
        """One switch. Raises: PermissionDenied, NotAuthenticated, NotFound."""
        principal.require(Permission.VIEW_SETTINGS)
        return self._feature(_known(name))

    async def set_feature(self, principal: Principal, name: str, *, is_on: bool) -> FeatureView:
        """Switch a feature on or off. Raises: PermissionDenied, NotFound."""
        await self._audit.require(principal, Permission.MANAGE_SETTINGS, f"feature {name}")
        feature = _known(name)
        await self._store.put(principal, f"feature:{feature}", is_on, action="feature.switch", target=feature)
        return self._feature(feature)

    # Maintenance

    def maintenance(self, principal: Principal) -> MaintenanceView:
        """Whether it is on. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_SETTINGS)
        return self._maintenance()

    async def maintain(self, principal: Principal, *, is_on: bool, text: str = "") -> MaintenanceView:
        """Let the chat take no new messages, or take them again. Raises: PermissionDenied, InvalidInput."""
        await self._audit.require(principal, Permission.MANAGE_SETTINGS, "maintenance")
        if is_on:
            said = check_text(text.strip() or DEFAULT_MAINTENANCE, field="text", max_chars=MAX_MAINTENANCE_CHARS)
            await self._store.put(principal, "maintenance", said, action="maintenance.begin", target="chat")
        else:
            await self._store.delete(principal, "maintenance", action="maintenance.end", target="chat")
        return self._maintenance()

    async def affected_users(self, principal: Principal) -> int:
        """How many people a maintenance would meet now: they wrote in the last minutes. Raises: PermissionDenied."""
        principal.require(Permission.VIEW_SETTINGS)
        return await self._store.active_users(within_s=ACTIVE_S)

    # Inside

    def _changed(self, values: Values) -> None:
        self._feature_flags.take(values)
        self._tell()

    def _tell(self) -> None:
        now = self.current()
        if now != self._published:
            self._published = now
            self.notices.publish(now)

    def _announcement(self) -> Announcement | None:
        stored = self._store.values.get("announcement")
        if stored is None:
            return None
        return announcement_of(stored.value)

    def _feature(self, feature: Feature) -> FeatureView:
        stored = self._store.values.get(f"feature:{feature}")
        return FeatureView(
            feature=feature,
            is_on=self._feature_flags.is_on(feature),
            meaning=FEATURE_MEANINGS[feature],
            changed_by=stored.changed_by if stored else None,
            changed_at=stored.changed_at if stored else None,
        )

    def _maintenance(self) -> MaintenanceView:
        stored = self._store.values.get("maintenance")
        if stored is None:
            return MaintenanceView(is_on=False)
        return MaintenanceView(
            is_on=True, text=str(stored.value), changed_by=stored.changed_by, changed_at=stored.changed_at
        )


def _known(name: str) -> Feature:
    try:
        return Feature(name)
    except ValueError:
        raise NotFound("Unknown feature.") from None
