"""People and administrators over HTTP."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse

from chat_api.http.base_models import Success
from chat_api.http.dependencies import Admin, Exporter, service
from chat_api.http.errors import BODIES, CONSOLE, errors
from chat_api.http.exports import Format, also_as, attachment, csv_of
from chat_api.people.administrators import AdministratorsService
from chat_api.people.bodies import (
    AdminList,
    EnabledBody,
    EndedAnswer,
    EraseBody,
    MergeBody,
    MergedAnswer,
    ReasonBody,
    RoleBody,
    SessionList,
)
from chat_api.people.data import PersonDataService
from chat_api.people.schemas import AdminView, Erasure, PersonDetails, PersonKind, PersonPage, PersonSort, PersonView
from chat_api.people.service import UsersService
from models import Role

router = APIRouter(prefix="/api/admin", tags=["People"])
_READ_ERRORS = errors(*CONSOLE, "invalid_input", "not_found")
_LISTS = also_as("text/csv") | _READ_ERRORS
_WRITE = errors(*CONSOLE, *BODIES, "not_found", "conflict")
_CHANGE = errors(*CONSOLE, "invalid_input", "malformed_request", "not_found", "conflict")
UserId = Annotated[str, Path(min_length=1, max_length=255)]
AdminId = Annotated[str, Path(min_length=1, max_length=100)]
MAX_CSV_ROWS = 500

Administrators = Annotated[AdministratorsService, service(AdministratorsService)]
PersonData = Annotated[PersonDataService, service(PersonDataService)]
Users = Annotated[UsersService, service(UsersService)]


@router.get("/users", summary="People", responses=_LISTS, response_model=PersonPage)
async def users(
    principal: Admin,
    users: Users,
    search: Annotated[str | None, Query(min_length=1, max_length=100)] = None,
    kind: Literal["all", "guests", "banned", "signed_in"] = "all",
    sort: Literal["last_active", "name", "messages", "sessions"] = "last_active",
    limit: Annotated[int, Query(ge=1, le=MAX_CSV_ROWS)] = 50,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    format: Format = "json",
) -> PersonPage | Response:
    """People of all platforms, a page at a time. `search` is part of a name, or a whole id."""
    page = await users.find(
        principal, search=search, kind=PersonKind(kind), sort=PersonSort(sort), limit=limit, offset=offset
    )
    return csv_of("people", PersonView, page.people) if format == "csv" else page


@router.get("/users/{user_id}", summary="One person", responses=_READ_ERRORS)
async def user(user_id: UserId, principal: Admin, users: Users) -> PersonDetails:
    """Identities, sessions and conversations, without a word of these."""
    return await users.details(principal, user_id)


@router.get("/users/{user_id}/sessions", summary="A person's sessions", responses=_READ_ERRORS)
async def sessions(user_id: UserId, principal: Admin, users: Users) -> SessionList:
    """Where a person is and was signed in."""
    return SessionList(sessions=(await users.details(principal, user_id)).live_sessions)


@router.delete("/users/{user_id}/sessions", summary="End all sessions of a person", responses=_CHANGE)
async def end_sessions(user_id: UserId, principal: Admin, users: Users) -> EndedAnswer:
    """Their open pages and sockets end at once."""
    return EndedAnswer(ended=await users.end_sessions(principal, user_id))


@router.delete("/users/{user_id}/sessions/{session_id}", summary="End one session of a person", responses=_CHANGE)
async def end_session(user_id: UserId, session_id: UUID, principal: Admin, users: Users) -> EndedAnswer:
    """The open pages and sockets of one device end at once."""
    return EndedAnswer(ended=await users.end_sessions(principal, user_id, session_id))


@router.post("/users/{user_id}/ban", summary="Ban a person", responses=_WRITE)
async def ban(user_id: UserId, body: ReasonBody, principal: Admin, users: Users) -> Success:
    """Their sessions end, and their names open nothing until they are let in again."""
    await users.ban(principal, user_id, reason=body.reason)
    return Success()


@router.post("/users/{user_id}/unban", summary="Let a person in again", responses=_CHANGE)
async def unban(user_id: UserId, principal: Admin, users: Users) -> Success:
    """They can sign in again; sessions that were ended stay so."""
    await users.unban(principal, user_id)
    return Success()


@router.post("/users/{user_id}/merge", summary="Merge two people", responses=_WRITE)
async def merge(user_id: UserId, body: MergeBody, principal: Admin, person_data: PersonData) -> MergedAnswer:
    """All identities of `source_id` belong to this person from now on; conversations stay where they were held."""
    moved = await person_data.merge(principal, source_id=body.source_id, target_id=user_id)
    return MergedAnswer(identities=moved)


@router.post("/users/{user_id}/export", summary="Export a person", responses=_WRITE)
async def export(user_id: UserId, body: ReasonBody, principal: Exporter, person_data: PersonData) -> StreamingResponse:
    """All that is held of a person, as one JSON document."""
    pieces = await person_data.export(principal, user_id, reason=body.reason)
    return StreamingResponse(pieces, media_type="application/json", headers=attachment("person.json"))


@router.delete("/users/{user_id}", summary="Erase a person", responses=_WRITE)
async def erase(user_id: UserId, body: EraseBody, principal: Admin, person_data: PersonData) -> Erasure:
    """Everything of a person is deleted, for good. It takes five seconds, until they are signed out everywhere."""
    return await person_data.erase(principal, user_id, typed_name=body.typed_name, also_at_bots=body.also_at_bots)


@router.get("/admins", summary="Administrators", responses=_LISTS, response_model=AdminList)
async def admins(principal: Admin, administrators: Administrators, format: Format = "json") -> AdminList | Response:
    """Who may use the console, and as what."""
    found = await administrators.all(principal)
    return csv_of("administrators", AdminView, found) if format == "csv" else AdminList(admins=found)


@router.put("/admins/{admin_id}/role", summary="Change an administrator's role", responses=_WRITE)
async def set_role(admin_id: AdminId, body: RoleBody, principal: Admin, administrators: Administrators) -> Success:
    """It holds from their next request on; nobody changes themselves, and the last administrator stays one."""
    await administrators.set_role(principal, admin_id, Role(body.role))
    return Success()


@router.put("/admins/{admin_id}/enabled", summary="Disable or enable an administrator", responses=_WRITE)
async def set_enabled(
    admin_id: AdminId, body: EnabledBody, principal: Admin, administrators: Administrators
) -> Success:
    """Disabled, their sessions end and they cannot sign in."""
    await administrators.set_enabled(principal, admin_id, is_enabled=body.is_enabled)
    return Success()


@router.delete("/admins/{admin_id}/sessions", summary="End an administrator's sessions", responses=_CHANGE)
async def end_admin_sessions(admin_id: AdminId, principal: Admin, administrators: Administrators) -> EndedAnswer:
    """All of them; of yourself, all but the one that asks."""
    return EndedAnswer(ended=await administrators.end_sessions(principal, admin_id))
