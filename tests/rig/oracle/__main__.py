"""`python -m rig.oracle`: sends until it has sent enough or is told to stop (SIGTERM, SIGINT), and says how it went."""

from __future__ import annotations

import argparse
import json
import signal
import threading
from dataclasses import asdict
from pathlib import Path

from rig.oracle.ledger import LedgerWriter
from rig.oracle.producer import Sender


def main() -> None:
    """Read the arguments, send, print one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m rig.oracle", description=__doc__)
    parser.add_argument("--kafka", required=True, help="bootstrap servers")
    parser.add_argument("--prefix", required=True, help="what the raw topics begin with, as in default.campaign.raw.")
    parser.add_argument("--ledger", required=True, type=Path, help="folder of the ledger")
    parser.add_argument("--seed", type=int, default=1, help="what the payloads follow from, with the id")
    parser.add_argument("--first", type=int, default=0, help="the first id")
    parser.add_argument("--ids", type=int, help="how many ids; without it, until told to stop")
    parser.add_argument("--rate", type=float, default=500.0, help="ids a second; 0 is as fast as may be")
    said = parser.parse_args()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with LedgerWriter(said.ledger, said.seed) as ledger:
        sender = Sender(said.kafka, said.prefix, said.seed, ledger)
        sent = sender.run(said.first, said.ids, said.rate, stopping)
    print(json.dumps(asdict(sent)), flush=True)


if __name__ == "__main__":
    main()
