"""W1's decoding, rules and features by hand, in numpy: batches of JSON in, a model's input vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from w1.events import CATEGORIES
from w1.tile_ring import TileRing

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

_NUMBERS = ("amount", "unit_price", "discount_rate", "geo_latitude", "geo_longitude", "item_quantity")
_RULES = ("amount", "price", "discount", "latitude", "longitude", "quantity", "session")
_CODES = {name: code for code, name in enumerate(CATEGORIES)}
_FEATURES = ("log_amount", "gross", "net", "hour", "distance", "amount_per_second", "big_member", "category")


class Event(msgspec.Struct, gc=False):
    """One event, every field of its declared type."""

    event_id: str
    event_time: str
    user_id: str
    country_code: str
    device_type: str
    traffic_channel: str
    product_category: str
    amount: float
    unit_price: float
    discount_rate: float
    geo_latitude: float
    geo_longitude: float
    item_quantity: int
    session_seconds: int
    is_member: bool
    coupon_code: str | None


@dataclass(frozen=True, slots=True)
class Worked:
    """What became of a batch: good rows with their features, the model's inputs, and why the others were rejected."""

    rows: pa.Table
    ids: list[str]
    inputs: npt.NDArray[np.float32]
    rejected: list[tuple[str, bytes]]


class ByHand:
    """Decodes, checks and computes features; the windows of each user live here."""

    def __init__(self, users: int = 200_000) -> None:
        self._decode = msgspec.json.Decoder(Event).decode
        self._ring = TileRing(users)

    def work(self, texts: Sequence[bytes]) -> Worked:
        """Take the next batch."""
        rejected: list[tuple[str, bytes]] = []
        events = self._read(texts, rejected)
        columns = {name: list(map(attrgetter(name), events)) for name in Event.__struct_fields__}
        numbers = {name: np.array(columns[name], np.float64) for name in (*_NUMBERS, "session_seconds")}
        good = np.ones(len(events), np.bool_)
        for name, met in zip(_RULES, _met(numbers), strict=True):
            rejected += [(name, msgspec.json.encode(events[row])) for row in np.flatnonzero(good & ~met).tolist()]
            good &= met
        table = pa.table({name: pa.array(values) for name, values in columns.items()})
        table = table.set_column(1, "event_time", table["event_time"].cast(pa.timestamp("us", tz="UTC")))
        if not good.all():
            table = table.filter(pa.array(good))
            numbers = {name: values[good] for name, values in numbers.items()}
        features = _features(table, numbers)
        users = table["user_id"].to_pylist()
        times = table["event_time"].cast(pa.int64()).to_numpy()
        count, mean = self._ring.apply(users, times, numbers["amount"])
        windows: list[npt.NDArray[np.generic]] = [count, mean]
        inputs = np.empty((len(users), 12), np.float32)
        for place, column in enumerate([*features, numbers["amount"], numbers["discount_rate"], *windows]):
            inputs[:, place] = column
        for name, values in zip(_FEATURES, features, strict=True):
            table = table.append_column(name, pa.array(values))
        return Worked(table, table["event_id"].to_pylist(), inputs, rejected)

    def _read(self, texts: Sequence[bytes], rejected: list[tuple[str, bytes]]) -> list[Event]:
        decode = self._decode
        events = []
        for text in texts:
            try:
                events.append(decode(text))
            except msgspec.MsgspecError as error:  # truncated, or a field is missing
                rejected.append((str(error), text))
        return events


def _met(of: dict[str, Floats]) -> list[Bools]:
    return [
        of["amount"] > 0,
        of["unit_price"] > 0,
        (of["discount_rate"] >= 0) & (of["discount_rate"] <= 1),
        np.abs(of["geo_latitude"]) <= 90,
        np.abs(of["geo_longitude"]) <= 180,
        of["item_quantity"] >= 1,
        of["session_seconds"] >= 1,
    ]


def _features(table: pa.Table, of: dict[str, Floats]) -> list[npt.NDArray[np.generic]]:
    gross = of["unit_price"] * of["item_quantity"]
    latitude, longitude = np.radians(of["geo_latitude"]), np.radians(of["geo_longitude"])
    north, east = np.radians(48.0), np.radians(11.0)
    half = np.sin((latitude - north) / 2) ** 2
    half += np.cos(latitude) * np.cos(north) * np.sin((longitude - east) / 2) ** 2
    micros = table["event_time"].cast(pa.int64()).to_numpy()
    return [
        np.log1p(of["amount"]),
        gross,
        gross * (1 - of["discount_rate"]),
        (micros // 3_600_000_000 % 24).astype(np.int8),
        12_742 * np.arcsin(np.sqrt(half)),
        of["amount"] / (of["session_seconds"] + 1),
        table["is_member"].to_numpy() & (of["amount"] > 200),
        np.array([_CODES[name] for name in table["product_category"].to_pylist()], np.int32),
    ]
