"""Time series of numbers as mergeable histograms, and the intervals in which a thing was in one state."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, DateTime, Index, Integer, SmallInteger
from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class WebSeries(SQLModel, table=True):
    """What was measured of one subject (``answers:elena``) in the ``span_s`` seconds from ``started_at``.

    ``counts`` are the numbers in the histogram's ``buckets``, which are sorted. ``count`` has the errors in it, the
    rest only what went well. Several processes add to a row.
    """

    __tablename__ = "web_series"
    __table_args__ = (Index("idx_web_series_span", "span_s", "started_at"),)

    subject: str = Field(primary_key=True, max_length=80)
    span_s: int = Field(primary_key=True, sa_type=Integer)
    started_at: datetime = Field(primary_key=True, sa_type=DateTime(timezone=True))
    count: int = Field(sa_type=BigInteger)
    errors: int = Field(sa_type=BigInteger)
    sum_ms: float
    max_ms: float
    buckets: list[int] = Field(sa_type=ARRAY(SmallInteger))
    counts: list[int] = Field(sa_type=ARRAY(BigInteger))


class WebSeriesWriter(SQLModel, table=True):
    """The last batch of one process that is in the series: a batch that is sent again counts once."""

    __tablename__ = "web_series_writers"

    writer: UUID = Field(primary_key=True)
    batch: int = Field(sa_type=BigInteger)
    written_at: datetime = timestamptz()


class WebStatusInterval(SQLModel, table=True):
    """From when until when a subject (``bot:elena``, ``service:redis``) was seen in one state, and why it was.

    ``until_at`` is pushed forward while the state is confirmed: what no interval covers nobody has observed.
    """

    __tablename__ = "web_status_intervals"

    subject: str = Field(primary_key=True, max_length=80)
    started_at: datetime = Field(primary_key=True, sa_type=DateTime(timezone=True))
    status: str = Field(max_length=16)
    until_at: datetime = timestamptz(default_now=False)
    reason: str = Field(max_length=200)
