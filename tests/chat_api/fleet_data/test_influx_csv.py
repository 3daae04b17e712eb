"""Annotated CSV as InfluxDB gives it, in whole and in pieces."""

from datetime import UTC, datetime

import pytest

from chat_api.core.store_faults import StoreFault, StoreUnreadable
from chat_api.fleet_data.influx_csv import rows_of
from chat_api.fleet_data.influx_queries import life_of, life_query
from chat_api.series.analytics_schemas import ANSWER_TIME_EDGES_S as EDGES
from tests.support.influx import table

AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def test_tables_of_several_shapes_are_read_by_their_data_types() -> None:
    """A new table begins with new annotations; what is empty is its column's default, and no number is not known."""
    text = (
        table("events", "dateTime:RFC3339,string,long", "_time,bot_name,_value", "2026-03-10T12:00:00Z,elena,3")
        + table("p95", "string,double,boolean", "bot_name,_value,ok", "ryan,NaN,true", '"a,""b""\n c",1.25,false')
        + table(
            "late", "dateTime:RFC3339Nano,unsignedLong", "_time,n", "2026-03-10T12:00:00.123456789Z,7", ",", group=""
        )
    )
    rows = list(rows_of("\ufeff" + text))
    assert [row["result"] for row in rows] == ["events", "p95", "p95", "late", "late"]
    assert rows[0] == {"result": "events", "table": 0, "_time": AT, "bot_name": "elena", "_value": 3}
    assert rows[1]["_value"] is None
    assert rows[1]["ok"] is True
    assert rows[2]["bot_name"] == 'a,"b"\n c'
    assert rows[3]["_time"] == AT.replace(microsecond=123456)
    assert rows[3]["n"] == 7
    assert rows[4]["n"] is None


def test_nothing_found_is_no_rows() -> None:
    """An empty answer, and one of nothing but line ends, is what a quiet bucket gives."""
    assert list(rows_of("")) == []
    assert list(rows_of("\r\n\r\n")) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            table("x", "string,long", "bot_name,_value", "elena,3")
            + "#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n"
            + ",failed to read: engine: context canceled,897\r\n",
            "context canceled",
        ),
        ("error,reference\r\nFailed to parse query,897\r\n", "Failed to parse query"),
        (table("x", "string,long", "bot_name,_value", "elena"), "3 cells below a header of 4|4 cells|cells"),
        (table("x", "string,long", "bot_name,_value", "elena,three"), "'three' is no long"),
        (',result,table,_value\r\n,,0,"never ends', "no CSV"),
    ],
)
def test_an_error_within_an_answer_is_one(text: str, said: str) -> None:
    """InfluxDB answers 200 and then fails: what came before it is not taken for all."""
    with pytest.raises(StoreUnreadable, match=said) as caught:
        list(rows_of(text))
    assert caught.value.fault is StoreFault.ODD


def test_a_cumulative_histogram_becomes_classes_and_nobody_is_asked_for() -> None:
    """Percentiles of several modes together come from their classes; user ids and texts are in no query."""
    edges = [f"elena,fast,SIMPLE,{edge},{count}.0" for edge, count in ((EDGES[18], 0), (EDGES[19], 9), ("+Inf", 10))]
    life = life_of(
        rows_of(
            table("times", "string,string,string,double,double", "bot_name,mode,complexity,le,_value", *edges)
            + table("reactions", "string,string,long", "bot_name,_value,_field", "elena,positive,4")
        )
    )
    (answers,) = life.answers
    assert (answers.mode, answers.complexity, sum(answers.times.counts)) == ("fast", "SIMPLE", 10)
    assert answers.times.percentile_s(0.5) == EDGES[19]
    assert answers.times.percentile_s(0.95) > 3000  # type: ignore[operator]
    assert life.reactions == {("elena", "positive"): 4}
    flux = life_query('met"ri${cs}', since=AT, until=AT, step_s=60)
    assert 'from(bucket: "met\\"ri\\${cs}")' in flux
    assert "user_id" not in flux
