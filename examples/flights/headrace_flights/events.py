"""The published tables as four streams of events in UTC, with the dirt of the real data left in.

Wall clock times become instants in the zone of their airport: a local day and hhmm are put together first and only
then placed in the zone, so nothing ever adds hours in UTC where a local day is meant (that goes wrong twice a year).

    scheduled_out = the local day and sched_dep_time, in New York
    announced     = scheduled_out − 1 h
    off_block     = scheduled_out + dep_delay
    scheduled_in  = the first time after scheduled_out at which the destination's clock shows sched_arr_time
    landed        = scheduled_in + arr_delay

The delays are elapsed minutes, so they are added to instants. dep_time and arr_time are not used: they are the same
instants again, on local clocks and without a day.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from headrace_flights.dataset import Dataset

ORIGIN_ZONE = "America/New_York"
# BQN, PSE, SJU and STT are missing from the table of airports. All four keep Atlantic time without summer time.
ZONE_OF_MISSING_AIRPORTS = "America/Puerto_Rico"

EVENT_TIME: Mapping[str, str] = {
    "arrivals": "landed",
    "departures": "off_block",
    "schedule": "announced",
    "weather": "observed",
}
"""The streams and the column that holds each one's event time (microseconds, UTC)."""

KEY: Mapping[str, str] = {
    "arrivals": "flight_id",
    "departures": "flight_id",
    "schedule": "flight_id",
    "weather": "origin",
}
"""The column whose text is the key of a stream's Kafka records."""

_COLUMNS: Mapping[str, list[str]] = {
    "schedule": [
        "flight_id",
        "announced",
        "scheduled_out",
        "origin",
        "dest",
        "carrier",
        "flight",
        "tailnum",
        "distance",
    ],
    "departures": [
        "flight_id",
        "off_block",
        "scheduled_out",
        "origin",
        "dest",
        "carrier",
        "tailnum",
        "dep_delay",
        "distance",
    ],
    "arrivals": ["flight_id", "landed", "origin", "dest", "carrier", "tailnum", "arr_delay", "air_time"],
    "weather": [
        "origin",
        "observed",
        "temp",
        "dewp",
        "humid",
        "wind_dir",
        "wind_speed",
        "wind_gust",
        "precip",
        "pressure",
        "visib",
    ],
}


def event_streams(data: Dataset) -> dict[str, pl.DataFrame]:
    """The four streams by name, each in event-time order (ties in the order of the published table).

    schedule: every flight, one hour before it should leave. departures: those that left, at off-block. arrivals:
    those with a known arrival delay, at landing. weather: hourly observations of the three origins. Numbers are
    float32 (minutes, miles and the units of `Dataset`) but for the int32 `flight`; instants are microseconds in UTC.
    """
    flights = _with_instants(data.flights, data.airports)
    rows = {
        "schedule": flights,
        "departures": flights.filter(pl.col("off_block").is_not_null()),
        "arrivals": flights.filter(pl.col("landed").is_not_null()),
        "weather": data.weather.with_columns(
            observed=pl.col("time_hour").str.to_datetime(time_unit="us", time_zone="UTC")
        ),
    }
    return {
        name: rows[name].select(_COLUMNS[name]).sort(time, maintain_order=True) for name, time in EVENT_TIME.items()
    }


def _with_instants(flights: pl.DataFrame, airports: pl.DataFrame) -> pl.DataFrame:
    day = pl.date("year", "month", "day")
    zones = airports.select(dest="faa", zone="tzone")
    out = flights.join(zones, on="dest", how="left", maintain_order="left").with_columns(
        pl.col("zone").fill_null(ZONE_OF_MISSING_AIRPORTS),
        flight_id=pl.concat_str(
            day.dt.to_string("%Y-%m-%d"),
            pl.concat_str("carrier", "flight"),
            "origin",
            pl.col("sched_dep_time").cast(pl.String).str.zfill(4),
            separator="/",
        ),
        scheduled_out=_in_utc(_wall_clock(day, pl.col("sched_dep_time")), ORIGIN_ZONE),
    )
    in_by_day = [_in_zones(_wall_clock(day.dt.offset_by(days), pl.col("sched_arr_time")), out) for days in ("0d", "1d")]
    scheduled_in = pl.coalesce(pl.when(instant > pl.col("scheduled_out")).then(instant) for instant in in_by_day)
    return out.with_columns(
        announced=pl.col("scheduled_out").dt.offset_by("-1h"),
        off_block=pl.col("scheduled_out") + pl.duration(minutes="dep_delay"),
        landed=scheduled_in + pl.duration(minutes="arr_delay"),
    )


def _wall_clock(day: pl.Expr, hhmm: pl.Expr) -> pl.Expr:
    return day.dt.combine(pl.time(0)) + pl.duration(minutes=hhmm // 100 * 60 + hhmm % 100)


def _in_zones(wall_clock: pl.Expr, flights: pl.DataFrame) -> pl.Expr:
    """Each row's wall clock time as an instant, in the zone that the row's column `zone` names."""
    zones = flights["zone"].unique().sort()
    return pl.coalesce(pl.when(pl.col("zone") == zone).then(_in_utc(wall_clock, zone)) for zone in zones)


def _in_utc(wall_clock: pl.Expr, zone: str) -> pl.Expr:
    # A zone is tried on rows of other zones too, where a time may be one that this zone skips: null, and not chosen.
    # Of an hour that a clock shows twice, the first is meant.
    placed = wall_clock.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return placed.dt.convert_time_zone("UTC")
