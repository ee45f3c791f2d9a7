"""What an id stands for: one record of one raw topic, a pure function of (seed, id).

A known share is dirty, repeated, late or poison. `kind` names what is special about a record, for people; nobody
decides by it what must become of the record, since that follows from its bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rig.oracle.dice import Dice

PARTITIONS = 4
STREAMS = {"orders": 50, "visits": 20, "prices": 15, "deliveries": 15}
"""How many of a hundred records go to each stream."""

TOWNS = ("Aarhus", "Brno", "Cádiz", "Đà Nẵng", "Évora")
SHOPS = tuple(f"shøp{number:02d}" for number in range(12))
CHANNELS = ("web", "Phone", " web", "STORE", None)
NOTES = (None, "", " ring twice ", "Cafe\u0301\u00a0", "\u2003näıve\t", "a" * 120)

_START = datetime(2024, 6, 1, tzinfo=UTC)
_PACE = 3.0  # seconds of event time from one id to the next
_LOOK_BACK = 24  # ids in which a repetition looks for what it repeats
_NEVER = datetime(2199, 1, 1, tzinfo=UTC)  # ahead of every clock

_ORDER_KINDS = {
    "clean": 8400,
    "repeated": 250,
    "late": 250,
    "very late": 60,
    "not worth scoring": 80,
    "a test": 120,
    "nothing sold": 80,
    "bad code": 70,
    "more columns": 100,
    "not JSON": 60,
    "not UTF-8": 40,
    "not an object": 40,
    "empty": 40,
    "tombstone": 60,
    "column missing": 60,
    "null": 60,
    "wrong type": 60,
    "ahead of its time": 60,
    "too much": 60,
    "strange town": 60,
    "bulky": 10,
    "huge": 4,
}
_LINE_KINDS = {
    "clean": 860,
    "bot": 40,
    "nobody": 20,
    "null": 20,
    "wrong type": 20,
    "too much": 10,
    "not JSON": 15,
    "blank": 15,
}
_PRICE_KINDS = {"clean": 900, "late": 30, "no number": 30, "wrong type": 20, "tombstone": 10, "not JSON": 10}
_DELIVERY_KINDS = {"clean": 930, "late": 30, "too much": 20, "tombstone": 10, "not JSON": 10}

_BULK = 200_000  # characters: far more than other rows, far less than a message holds
_HUGE = 2_600_000  # characters: more than a message holds with room for others, less than Kafka refuses


@dataclass(frozen=True, slots=True)
class Event:
    """One record as it is produced: to the raw topic of `stream`, with the id as a header."""

    id: int
    stream: str
    partition: int
    value: bytes | None
    kind: str


def event(seed: int, id_: int) -> Event:
    """The record of an id."""
    stream = _stream(seed, id_)
    dice = Dice(seed, id_, stream)
    kind, partition, value = _MAKERS[stream](seed, id_, dice)
    return Event(id_, stream, partition, value, kind)


def _stream(seed: int, id_: int) -> str:
    return Dice(seed, id_, "stream").weighed(STREAMS)


def _time(id_: int, dice: Dice, kind: str) -> str:
    """Event time runs with the ids, a little out of order; late rows are hours or days behind."""
    at = _START + timedelta(seconds=id_ * _PACE, milliseconds=dice.between(-20_000, 20_000), microseconds=dice.below(9))
    if kind == "late":
        at -= timedelta(minutes=dice.between(30, 300))
    elif kind == "very late":
        at -= timedelta(days=dice.between(1, 3))
    elif kind == "ahead of its time":
        at = _NEVER
    return _written(at, dice)


def _written(at: datetime, dice: Dice) -> str:
    """One moment, in the spellings that producers have for it."""
    if dice.below(10) == 0:
        return (at + timedelta(hours=2)).replace(tzinfo=None).isoformat() + "+02:00"
    return at.replace(tzinfo=None).isoformat() + "Z"


def _order(seed: int, id_: int, dice: Dice) -> tuple[str, int, bytes | None]:
    kind = dice.weighed(_ORDER_KINDS)
    partition = dice.below(PARTITIONS)
    if kind == "repeated":
        for earlier in range(id_ - 1, max(-1, id_ - _LOOK_BACK), -1):
            if _stream(seed, earlier) == "orders":
                of, place, value = _order(seed, earlier, Dice(seed, earlier, "orders"))
                if of == "clean":
                    return kind, place, value
        kind = "clean"
    row: dict[str, object] = {
        "id": f"o{id_}",
        "at": _time(id_, dice, kind),
        "shop": dice.one_of(SHOPS),
        "town": dice.one_of(TOWNS),
        "channel": dice.one_of(CHANNELS),
        "amount": dice.between(100, 99_999) / 100,
        "quantity": dice.between(1, 9),
        "code": f"{dice.below(100_000)}",
        "note": dice.one_of(NOTES),
    }
    return kind, partition, _as_kind(kind, row, dice)


def _as_kind(kind: str, row: dict[str, object], dice: Dice) -> bytes | None:
    """The row's bytes, spoilt as its kind says."""
    changes: dict[str, dict[str, object]] = {
        "not worth scoring": {"amount": dice.below(100) / 100},
        "a test": {"channel": " TEST "},
        "nothing sold": {"quantity": -dice.below(3)},
        "bad code": {"code": dice.one_of(["twelve", "12a", "", "1.5", "99999999999999999999"])},
        "more columns": {"colour": "red", "size": {"x": [1, 2]}},
        "null": {dice.one_of(["id", "at", "shop", "town", "amount", "quantity"]): None},
        "wrong type": dice.one_of(
            [
                {"amount": "12"},
                {"quantity": 1.5},
                {"shop": 7},
                {"at": "yesterday"},
                {"at": "2024-06-01T00:00:00"},
                {"note": {}},
            ]
        ),
        "too much": {"amount": dice.one_of([-0.01, 10_001, 1e30])},
        "strange town": {"town": dice.one_of(["Atlantis", "brno", ""])},
        "bulky": {"note": "b" * _BULK},
        "huge": {"note": "h" * _HUGE},
    }
    row |= changes.get(kind, {})
    if kind == "column missing":
        del row[dice.one_of(["id", "at", "shop", "town", "amount", "quantity", "code"])]
    return _spoilt(kind, _json(row), dice)


def _spoilt(kind: str, text: bytes, dice: Dice) -> bytes | None:
    match kind:
        case "tombstone":
            return None
        case "empty":
            return dice.one_of([b"", b" ", b"\n\n"])
        case "not JSON":
            return text[: dice.between(1, len(text) - 1)]
        case "not UTF-8":
            return text[:8] + b"\xff\xfe" + text[8:]
        case "not an object":
            return dice.one_of([b"[1, 2]", b"17", b'"text"', b"null"])
        case _:
            return text


def _visits(seed: int, id_: int, dice: Dice) -> tuple[str, int, bytes | None]:
    kind = dice.weighed({"clean": 940, "late": 30, "tombstone": 15, "empty": 15})
    partition = dice.below(PARTITIONS)
    if kind in ("tombstone", "empty"):
        return kind, partition, _spoilt(kind, b"", dice)
    lines = [_visit(id_, line, dice, kind) for line in range(dice.between(1, 5))]
    return kind, partition, b"\n".join(lines) + dice.one_of([b"", b"\n"])


def _visit(id_: int, line: int, dice: Dice, record: str) -> bytes:
    kind = dice.weighed(_LINE_KINDS)
    row: dict[str, object] = {
        "visitor": "nobody" if kind == "nobody" else f"v{dice.below(500)}é",
        "seen": _time(id_, dice, record),
        "town": dice.one_of(TOWNS),
        "seconds": None if dice.below(20) == 0 else dice.below(10**9) / 7e6,
        "pages": dice.between(0, 60),
        "bot": True if kind == "bot" else dice.one_of([False, None]),
    }
    match kind:
        case "null":
            row[dice.one_of(["visitor", "seen", "town", "pages"])] = None
        case "wrong type":
            row |= dice.one_of([{"pages": "many"}, {"bot": "yes"}, {"pages": 3_000_000_000}, {"seconds": "1"}])
        case "too much":
            row["pages"] = 1001
        case "not JSON":
            return _json(row)[: -line - 2]
        case "blank":
            return b"  "
    return _json(row)


def _price(seed: int, id_: int, dice: Dice) -> tuple[str, int, bytes | None]:
    kind = dice.weighed(_PRICE_KINDS)
    partition = dice.below(PARTITIONS)
    row: dict[str, object] = {
        "shop": dice.one_of(SHOPS),
        "listed": _time(id_, dice, kind),
        "price": dice.one_of(["n/a", "12,50", "", "0x10"]) if kind == "no number" else f" {dice.below(10**6) / 1000} ",
        "stock": 300 if kind == "wrong type" else dice.one_of([None, dice.between(-128, 127)]),
    }
    return kind, partition, _spoilt(kind, _json(row), dice)


def _delivery(seed: int, id_: int, dice: Dice) -> tuple[str, int, bytes | None]:
    kind = dice.weighed(_DELIVERY_KINDS)
    order = max(0, id_ - dice.between(20, 60)) // 4 * 4  # few enough that some are told of twice
    row: dict[str, object] = {
        "id": f"o{order}",
        "landed": _time(id_, dice, kind),
        "minutes": 1e6 if kind == "too much" else dice.below(60_000) / 1000,
    }
    return kind, order // 4 % PARTITIONS, _spoilt(kind, _json(row), dice)


def _json(row: dict[str, object]) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode()


_MAKERS: dict[str, Callable[[int, int, Dice], tuple[str, int, bytes | None]]] = {
    "orders": _order,
    "visits": _visits,
    "prices": _price,
    "deliveries": _delivery,
}
