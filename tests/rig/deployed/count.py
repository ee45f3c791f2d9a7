"""`python -m rig.deployed.count`: what has become of the flights' raw records, as JSON.

{"lake": rows of the ingested tables, "quarantine": rows that ingestion refused, "records": raw records among them}.
"""

from __future__ import annotations

import json
import os

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

_STREAMS = ("schedule", "departures", "arrivals", "weather")
_IDENTITY = ["_partition", "_offset", "_row"]


def main() -> None:
    """Count and print."""
    lake = [_identities(_rows(f"ingested/{stream}", _IDENTITY), stream) for stream in _STREAMS]
    refused = _rows("quarantine/all", [*_IDENTITY, "stage", "topic"])
    refused = refused.filter(pc.equal(refused["stage"], "ingestion"))
    quarantine = [
        _identities(refused.filter(pc.ends_with(refused["topic"], f".raw.{stream}")), stream) for stream in _STREAMS
    ]
    told = {"lake": sum(map(len, lake)), "quarantine": sum(map(len, quarantine))}
    told["records"] = len({identity for each in [*lake, *quarantine] for identity in each})
    assert told["quarantine"] == refused.num_rows, "a refused row of an unknown stream"
    print(json.dumps(told), flush=True)
    os._exit(0)  # a thread of the libraries' may still run, and ends the interpreter's own end with an abort


def _identities(rows: pa.Table, stream: str) -> list[tuple[object, ...]]:
    columns = [rows[name].to_pylist() for name in _IDENTITY]
    return [(stream, *identity) for identity in zip(*columns, strict=True)]


def _rows(table: str, columns: list[str]) -> pa.Table:
    options = {
        "AWS_ENDPOINT_URL": os.environ["HEADRACE_S3_ENDPOINT"],
        "AWS_ACCESS_KEY_ID": os.environ["HEADRACE_S3_ACCESS_KEY"],
        "AWS_SECRET_ACCESS_KEY": os.environ["HEADRACE_S3_SECRET_KEY"],
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }
    place = f"s3://{os.environ['HEADRACE_S3_BUCKET']}/lake/default/flights/{table}"
    try:
        return DeltaTable(place, storage_options=options).to_pyarrow_table(columns=columns)
    except TableNotFoundError:
        return pa.table({name: pa.array([], pa.string()) for name in columns})


main()
