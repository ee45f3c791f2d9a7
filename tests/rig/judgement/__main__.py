"""`python -m rig.judgement`: waits until a run has settled, judges it and prints the judgement as JSON.

The keys of the store come from RIG_S3_ACCESS_KEY and RIG_S3_SECRET_KEY. Ends with 0 for pass, 1 for fail.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import urllib.request
from collections import defaultdict
from pathlib import Path

from rig.judgement import Endpoints, judge, read_facts, settled
from rig.judgement.settling import SERVICES


def main() -> None:
    """Read the arguments, wait, judge, print."""
    parser = argparse.ArgumentParser(prog="python -m rig.judgement", description=__doc__)
    parser.add_argument("--kafka", required=True, help="bootstrap servers")
    parser.add_argument("--s3", required=True, help="URL of the S3 server")
    parser.add_argument("--bucket", default="headrace")
    parser.add_argument("--pipeline", required=True, type=Path, help="the pipeline file")
    parser.add_argument("--ledger", required=True, type=Path, help="folder of the oracle's ledger")
    parser.add_argument("--commits", type=Path, help="what a commit sampler wrote")
    parser.add_argument("--metrics", action="append", default=[], metavar="SERVICE=URL", help="of an instance")
    parser.add_argument("--log", action="append", default=[], type=Path, help="a log in which no secret may be")
    parser.add_argument("--orphan-seconds", type=float, default=0.0, help="how old an unlisted object may be")
    parser.add_argument("--wait", type=float, default=120.0, help="seconds in which the run must settle")
    said = parser.parse_args()
    facts = read_facts(said.pipeline)
    secret = os.environ["RIG_S3_SECRET_KEY"]
    endpoints = Endpoints(said.kafka, said.s3, os.environ["RIG_S3_ACCESS_KEY"], secret, said.bucket)
    waited = settled(said.kafka, facts, seconds=said.wait, services=SERVICES)
    instruments: dict[str, list[str]] = defaultdict(list)
    for each in said.metrics:
        service, _, url = each.partition("=")
        with urllib.request.urlopen(url, timeout=10) as answer:
            instruments[service].append(answer.read().decode())
    judgement = judge(
        endpoints,
        said.ledger,
        facts,
        commits=said.commits,
        instruments=instruments,
        logs=said.log,
        secrets={"the store's key": secret},
        orphan_seconds=said.orphan_seconds,
    )
    print(json.dumps({"settled": waited.reached, "left": waited.left, **judgement.to_json()}, indent=1, default=str))
    sys.exit(0 if waited.reached and judgement.verdict == "pass" else 1)


if __name__ == "__main__":
    main()
