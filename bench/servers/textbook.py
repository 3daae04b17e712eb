"""A chat gateway as most people would write it: every part by its own manual, none of them wrong.

FastAPI with response models, a bearer token checked with PyJWT, a limit in Redis, an ORM session for each request,
the bot called through httpx. It stores the message before the bot is called and the answer after.
Run as ``python -m uvicorn bench.servers.textbook:app``.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID, uuid4

import httpx
import jwt
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from limits import parse
from limits.aio.storage import RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from pydantic import BaseModel, Field
from sqlalchemy import DateTime, Text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from models.database_url import async_database_url

SECRET = "textbook-secret-of-the-bench-only"  # noqa: S105  it protects nothing
LIMIT = parse("100000000/minute")
BOT_TIMEOUT_S = 30.0


class Base(DeclarativeBase):
    """The tables."""


class StoredMessage(Base):
    """One line of a conversation."""

    __tablename__ = "textbook_messages"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[str] = mapped_column(index=True)
    bot_name: Mapped[str]
    role: Mapped[str]
    content: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=lambda: datetime.now(UTC))


class LoginRequest(BaseModel):
    """Who signs in."""

    username: str = Field(min_length=1, max_length=30)


class LoginResponse(BaseModel):
    """The token for everything else."""

    session_token: str


class ChatRequest(BaseModel):
    """What is said to whom."""

    content: str = Field(min_length=1, max_length=10_000)
    bot_name: str = Field(min_length=1, max_length=50)
    message_type: str = "text"


class ChatResponse(BaseModel):
    """What the bot said."""

    message_id: UUID
    response: str
    bot_name: str
    timestamp: datetime


@asynccontextmanager
async def lifespan(application: FastAPI) -> AsyncIterator[None]:
    """Open the database, Redis and the client."""
    engine = create_async_engine(async_database_url(os.environ["DATABASE_URL"]))
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    redis_url = os.environ["REDIS_URL"].replace("unix://", "redis+unix://", 1)
    application.state.sessions = async_sessionmaker(engine, expire_on_commit=False)
    application.state.limiter = FixedWindowRateLimiter(RedisStorage(f"async+{redis_url}", implementation="redispy"))
    async with httpx.AsyncClient(timeout=BOT_TIMEOUT_S) as client:
        application.state.client = client
        yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)
bearer = HTTPBearer()


async def current_user(request: Request, given: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
    """The user whose token it is, within the limit."""
    try:
        user_id = str(jwt.decode(given.credentials, SECRET, algorithms=["HS256"])["sub"])
    except jwt.InvalidTokenError as error:
        raise HTTPException(401, "not authenticated") from error
    if not await request.app.state.limiter.hit(LIMIT, user_id):
        raise HTTPException(429, "too many requests")
    return user_id


async def database_session(request: Request) -> AsyncIterator[AsyncSession]:
    """A session for the request."""
    async with request.app.state.sessions() as session:
        yield session


@app.get("/health")
async def health() -> dict[str, str]:
    """Alive."""
    return {"status": "healthy"}


@app.post("/api/login")
async def login(body: LoginRequest) -> LoginResponse:
    """A token for a name."""
    claims = {"sub": body.username, "exp": datetime.now(UTC) + timedelta(hours=1)}
    return LoginResponse(session_token=jwt.encode(claims, SECRET, algorithm="HS256"))


@app.post("/api/chat")
async def chat(
    body: ChatRequest,
    request: Request,
    user_id: Annotated[str, Depends(current_user)],
    session: Annotated[AsyncSession, Depends(database_session)],
) -> ChatResponse:
    """Store the message, ask the bot, store the answer."""
    message = StoredMessage(user_id=user_id, bot_name=body.bot_name, role="user", content=body.content)
    session.add(message)
    await session.commit()
    reply = await request.app.state.client.post(
        f"http://127.0.0.1:{os.environ['BENCH_BOT_PORT']}/api/chat",
        json={"user_id": user_id, "message": body.content, "context": {"channel_type": "dm", "platform": "web"}},
    )
    reply.raise_for_status()
    answer = StoredMessage(user_id=user_id, bot_name=body.bot_name, role="bot", content=str(reply.json()["response"]))
    session.add(answer)
    await session.commit()
    return ChatResponse(
        message_id=message.id, response=answer.content, bot_name=answer.bot_name, timestamp=answer.created_at
    )
