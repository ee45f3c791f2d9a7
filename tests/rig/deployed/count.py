"""`python -m rig.deployed.count`: what has become of the flights' raw records, as JSON.

{"lake": rows of the ingested tables, "quarantine": rows that ingestion refused, "records": raw records among them}.
"""

from __future__ import annotations

import json
import os

import pyarrow as pa
import pyarrow.compute as pc

from rig.deployed.tables import rows

_STREAMS = ("schedule", "departures", "arrivals", "weather")
_IDENTITY = ["_partition", "_offset", "_row"]


def main() -> None:
    """Count and print."""
    lake = [_identities(rows(f"ingested/{stream}", _IDENTITY), stream) for stream in _STREAMS]
    refused = rows("quarantine/all", [*_IDENTITY, "stage", "topic"])
    refused = refused.filter(pc.equal(refused["stage"], "ingestion"))
    quarantine = [
        _identities(refused.filter(pc.ends_with(refused["topic"], f".raw.{stream}")), stream) for stream in _STREAMS
    ]
    told = {"lake": sum(map(len, lake)), "quarantine": sum(map(len, quarantine))}
    told["records"] = len({identity for each in [*lake, *quarantine] for identity in each})
    assert told["quarantine"] == refused.num_rows, "a refused row of an unknown stream"
    print(json.dumps(told), flush=True)
    os._exit(0)  # rig.deployed.tables


def _identities(rows: pa.Table, stream: str) -> list[tuple[object, ...]]:
    columns = [rows[name].to_pylist() for name in _IDENTITY]
    return [(stream, *identity) for identity in zip(*columns, strict=True)]


main()
