"""The settings of this deployment: what each is, where that comes from, and the few that can be changed while it runs.

What is set here is validated by the fields of :class:`Settings` themselves, wins over the environment, and survives a
restart. How to reach the database, the secrets, the listener and the container engine cannot be set here: with a wrong
value of those there would be no page left to set them right.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from chat_api.audit.service import AuditService
from chat_api.core.bus import Topic
from chat_api.core.errors import InvalidInput, NotFound
from chat_api.core.logging import redact
from chat_api.core.odd_rows import ODD_ROWS
from chat_api.core.principals import Permission, Principal
from chat_api.core.settings import Settings
from chat_api.settings.repository import Stored
from chat_api.settings.schemas import Effect, SettingView, Source
from chat_api.settings.store import SettingsStore, Values
from chat_api.settings.stored_values import AFTER_RESTART, AT_ONCE, SETTING, sound, validated

MASK = "••••••"
ABSENT = "–"


class SettingsService:
    """``current`` is in effect now; ``changes`` tells when something in it changed while we run."""

    def __init__(
        self,
        store: SettingsStore,
        audit: AuditService,
        *,
        environment: Settings,
        notes: Mapping[str, Callable[[], str]] | None = None,
    ) -> None:
        """``notes``: what is said of a setting, by its name, as things are when it is looked at."""
        self._store = store
        self._audit = audit
        self._environment = environment
        self._notes = notes or {}
        self.current = effective(environment, store.values)
        self.changes: Topic[Settings] = Topic("settings")
        # Whatever is stored anew: settings that wait for a restart and switches, too.
        self.stored: Topic[Values] = store.changes
        store.changes.listen(self._changed)

    def views(self, principal: Principal) -> tuple[SettingView, ...]:
        """Every setting, in the order of the documentation. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_SETTINGS)
        return tuple(self._view(name, field) for name, field in Settings.model_fields.items())

    def ignored(self, principal: Principal) -> tuple[str, ...]:
        """What is stored and cannot be used, each with why. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_SETTINGS)
        here = tuple(f"{key}: {why}" for key, why in sorted(self._store.odd.items()))
        return here + ODD_ROWS.all()

    async def set(self, principal: Principal, name: str, value: str | float) -> SettingView:
        """Set one here. Raises: PermissionDenied, NotFound, InvalidInput with the field's own words."""
        await self._audit.require(principal, Permission.MANAGE_SETTINGS, name)
        checked = validated(self._settable(name), value)
        await self._store.put(principal, SETTING + name, checked, action="settings.set", target=name)
        return self._view(name, Settings.model_fields[name])

    async def reset(self, principal: Principal, name: str) -> SettingView:
        """Let the environment, else the default, say it again. Raises: PermissionDenied, NotFound, InvalidInput."""
        await self._audit.require(principal, Permission.MANAGE_SETTINGS, name)
        self._settable(name)
        await self._store.delete(principal, SETTING + name, action="settings.reset", target=name)
        return self._view(name, Settings.model_fields[name])

    # Inside

    def _settable(self, name: str) -> str:
        if name not in Settings.model_fields:
            raise NotFound("Unknown setting.")
        if name not in AT_ONCE | AFTER_RESTART:
            raise InvalidInput("can only be set in the environment", field=name)
        return name

    def _changed(self, values: Values) -> None:
        wanted = effective(self._environment, values)
        current = self.current.model_copy(update={name: getattr(wanted, name) for name in AT_ONCE})
        if current != self.current:
            self.current = current
            self.changes.publish(current)

    def _view(self, name: str, field: FieldInfo) -> SettingView:
        wanted = effective(self._environment, self._store.values)
        here: Stored | None = self._store.values.get(SETTING + name)
        is_secret = "SecretStr" in str(field.annotation)
        is_environment = name in self._environment.model_fields_set
        now, then = _text(getattr(self.current, name)), _text(getattr(wanted, name))
        elsewhere = Source.ENVIRONMENT if is_environment else Source.DEFAULT
        return SettingView(
            name=name,
            meaning=field.description or "",
            value=now,
            source=Source.HERE if here else elsewhere,
            effect=_effect(name),
            default=_text(None if field.default is PydanticUndefined else field.default),
            environment=_text(getattr(self._environment, name)) if is_environment else None,
            here=_text(here.value) if here else None,
            waiting=then if then != now else None,
            is_secret=is_secret,
            changed_by=here.changed_by if here else None,
            changed_at=here.changed_at if here else None,
            note=self._notes[name]() if name in self._notes else None,
        )


def effective(environment: Settings, values: Mapping[str, Stored]) -> Settings:
    """The environment with what is set here over it; what cannot be used is left out."""
    usable, _ = sound(values)
    found = {
        name: validated(name, stored.value)
        for key, stored in usable.items()
        if key.startswith(SETTING) and (name := key.removeprefix(SETTING))
    }
    return environment.model_copy(update=found) if found else environment


def _effect(name: str) -> Effect:
    if name in AT_ONCE:
        return Effect.AT_ONCE
    return Effect.AFTER_RESTART if name in AFTER_RESTART else Effect.ENVIRONMENT_ONLY


def _text(value: object) -> str:
    """A value as it is read by people; of a secret only that there is one, and of an address no password."""
    match value:
        case None | "" | ():
            return ABSENT
        case SecretStr():
            return MASK
        case tuple():
            return ", ".join(_text(one) for one in value)
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case Path():
            return value.as_posix()
    return redact(str(value))
