"""Synthetic events as Kafka records: the same number and seed give the same bytes, in the order of their arrival."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import polars as pl

CATEGORIES = ("books", "electronics", "fashion", "garden", "groceries", "home", "sports", "toys")
BROKEN_SHARE = 0.00507
BROKEN_KINDS = ("truncated", "amount", "latitude", "quantity", "missing")  # equally many of each
_COUNTRIES = ("AT", "BR", "CH", "DE", "ES", "FR", "GB", "IT", "JP", "NL", "PL", "US")
_DEVICES = ("desktop", "mobile", "tablet", "tv")
_CHANNELS = ("ads", "direct", "email", "organic", "social")
_USERS = 100_000
_PER_SECOND = 5_000  # events in a second of event time
_DISORDER = 2_000_000  # µs that an event may come late
_START = int(datetime(2025, 6, 1, tzinfo=UTC).timestamp()) * 1_000_000
_CHUNK = 100_000

Floats = npt.NDArray[np.float64]


def events(count: int, seed: int = 1) -> Iterator[pl.DataFrame]:
    """Frames of `key` and `value` (binary), `count` records in all."""
    shares = np.cumsum(1.0 / (np.arange(_USERS) + 10.0) ** 0.8)
    for number, first in enumerate(range(0, count, _CHUNK)):
        rng = np.random.default_rng([seed, number])
        rows = _good(rng, first, min(_CHUNK, count - first), shares / shares[-1])
        kinds = _kinds(rng, rows.height)
        yield rows.select(key=pl.col("user_id").cast(pl.Binary), value=_values(_spoilt(rows, kinds), kinds))


def good_of(count: int) -> int:
    """How many of `count` events are not broken."""
    return sum(rows - _broken_of(rows) for rows in (min(_CHUNK, count - first) for first in range(0, count, _CHUNK)))


def _broken_of(rows: int) -> int:
    return round(rows * BROKEN_SHARE)


def _good(rng: np.random.Generator, first: int, count: int, shares: Floats) -> pl.DataFrame:
    def choice(names: tuple[str, ...]) -> pl.Series:
        return pl.Series(names).gather(rng.integers(0, len(names), count))

    times = _START + np.arange(first, first + count) * (1_000_000 // _PER_SECOND) - rng.integers(0, _DISORDER, count)
    users = np.searchsorted(shares, rng.random(count))
    coupons = pl.Series([f"SAVE-{number:05}" for number in range(1_000)]).gather(rng.integers(0, 1_000, count))
    return pl.DataFrame(
        {
            "event_id": _uuid4(rng, count),
            "event_time": pl.Series(times).cast(pl.Datetime("us")),
            "user_id": pl.Series(users).cast(pl.String).str.zfill(8),
            "country_code": choice(_COUNTRIES),
            "device_type": choice(_DEVICES),
            "traffic_channel": choice(_CHANNELS),
            "product_category": choice(CATEGORIES),
            "amount": rng.lognormal(3.5, 1.2, count).round(2),
            "unit_price": rng.lognormal(3.0, 1.0, count),
            "discount_rate": rng.uniform(0.0, 0.5, count),
            "geo_latitude": rng.uniform(-60.0, 70.0, count),
            "geo_longitude": rng.uniform(-180.0, 180.0, count),
            "item_quantity": rng.integers(1, 20, count),
            "session_seconds": rng.integers(1, 7_200, count),
            "is_member": rng.random(count) < 0.5,
            "coupon_code": pl.select(pl.when(pl.Series(rng.random(count) < 0.3)).then(coupons)).to_series(),
        }
    ).with_columns(
        pl.col("event_time").dt.to_string("%Y-%m-%dT%H:%M:%S%.6fZ"), user_id=pl.lit("user-") + pl.col("user_id")
    )


def _uuid4(rng: np.random.Generator, count: int) -> pl.Series:
    digits = rng.bytes(16 * count).hex()
    plain = pl.Series([digits[place : place + 32] for place in range(0, len(digits), 32)]).str
    variant = pl.Series(list("89ab")).gather(rng.integers(0, 4, count))
    return (
        plain.slice(0, 8)
        + "-"
        + plain.slice(8, 4)
        + "-4"
        + plain.slice(13, 3)
        + "-"
        + variant
        + (plain.slice(17, 3) + "-" + plain.slice(20))
    )


def _kinds(rng: np.random.Generator, count: int) -> pl.Series:
    """How each row is broken, null where it is not."""
    broken = rng.permutation(count)[: _broken_of(count)]
    kinds = np.full(count, len(BROKEN_KINDS))
    kinds[broken] = np.arange(len(broken)) % len(BROKEN_KINDS)
    return pl.Series([*BROKEN_KINDS, None]).gather(kinds)


def _spoilt(rows: pl.DataFrame, kinds: pl.Series) -> pl.DataFrame:
    return rows.with_columns(
        amount=pl.when(kinds == "amount").then(-5.0).otherwise("amount"),
        geo_latitude=pl.when(kinds == "latitude").then(123.46).otherwise("geo_latitude"),
        item_quantity=pl.when(kinds == "quantity").then(0).otherwise("item_quantity"),
    )


def _values(rows: pl.DataFrame, kinds: pl.Series) -> pl.Series:
    whole = rows.select(pl.struct(pl.all()).struct.json_encode()).to_series()
    missing = (kinds == "missing").fill_null(value=False)
    lacking = rows.filter(missing).select(pl.struct(pl.exclude("amount")).struct.json_encode()).to_series()
    text = whole.scatter(missing.arg_true(), lacking)
    return pl.select(pl.when(kinds == "truncated").then(text.str.head(200)).otherwise(text).cast(pl.Binary)).to_series()
