"""API keys over REST. A key itself may not make or change keys: that takes somebody who signed in."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from chat_api.http.dependencies import Admin, Anyone, service
from chat_api.http.errors import BODIES, CONSOLE, WRITES, errors
from chat_api.keys.bodies import KeyBody, KeyList, KeyUsage, RotateBody
from chat_api.keys.schemas import KeyView, NewKey
from chat_api.keys.service import MAX_USAGE_DAYS, KeysService

router = APIRouter(prefix="/api", tags=["API keys"])

Keys = Annotated[KeysService, service(KeysService)]
_READS = ("not_authenticated", "permission_denied", "rate_limited", "unavailable")
_ONE = (*_READS, "not_found", "invalid_input")


@router.get("/keys", summary="Your API keys", responses=errors(*_READS))
async def own_keys(principal: Anyone, keys: Keys) -> KeyList:
    """The keys of whoever asks, newest first, without their secrets."""
    return KeyList(keys=await keys.own(principal))


@router.post("/keys", summary="Make an API key", status_code=201, responses=errors(*BODIES, *_READS, "conflict"))
async def create_key(body: KeyBody, principal: Anyone, keys: Keys) -> NewKey:
    """The secret is in this answer and nowhere else: we keep only a hash of it."""
    return await keys.create(principal, body.draft())


@router.put("/keys/{key_id}", summary="Change an API key", responses=errors(*BODIES, *_ONE, "conflict"))
async def change_key(key_id: UUID, body: KeyBody, principal: Anyone, keys: Keys) -> KeyView:
    """Its name, scopes, bots, limits and end; the secret stays."""
    return await keys.change(principal, key_id, body.draft())


@router.post("/keys/{key_id}/rotate", summary="Rotate an API key", responses=errors(*BODIES, *_ONE, "conflict"))
async def rotate_key(key_id: UUID, body: RotateBody, principal: Anyone, keys: Keys) -> NewKey:
    """A new secret at once; the one until now works until the overlap is over, and no other one does."""
    return await keys.rotate(principal, key_id, overlap_hours=body.overlap_hours)


@router.delete("/keys/{key_id}", summary="Revoke an API key", responses=errors(*WRITES, *_ONE))
async def revoke_key(key_id: UUID, principal: Anyone, keys: Keys) -> KeyView:
    """It is dead everywhere at once, and for good."""
    return await keys.revoke(principal, key_id)


@router.get("/keys/{key_id}/usage", summary="What an API key did", responses=errors(*_ONE))
async def key_usage(
    key_id: UUID, principal: Anyone, keys: Keys, days: Annotated[int, Query(ge=1, le=MAX_USAGE_DAYS)] = 30
) -> KeyUsage:
    """Messages and requests of the last days."""
    return KeyUsage(days=await keys.usage(principal, key_id, days=days))


@router.get("/admin/keys", summary="Everybody's API keys", responses=errors(*CONSOLE))
async def all_keys(principal: Admin, keys: Keys) -> KeyList:
    """Those of administrators and of people."""
    return KeyList(keys=await keys.everybodys(principal))
