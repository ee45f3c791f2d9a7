"""The lake as a service."""

from __future__ import annotations

from typing import NoReturn

from headrace.contract.plan import Plan
from headrace.lake.tables import lake_tables
from headrace.runtime.readers import input_topics
from headrace.runtime.service import Wiring, run_member
from headrace.runtime.settings import read_settings
from headrace.store.probe import probe

from headrace_lake.reader import LakeReader
from headrace_lake.settings import LakeSettings
from headrace_lake.topic_lane import NAME


def main() -> NoReturn:
    """Run until told to stop."""
    run_member(NAME, topics, make)


def topics(plan: Plan) -> list[str]:
    """Every topic that has a table."""
    return input_topics(plan, NAME)


def make(wiring: Wiring) -> LakeReader:
    """The reader, once the store has shown that its conditional writes hold."""
    settings = read_settings(LakeSettings)
    names = wiring.context.plan.topics
    probe(wiring.context.store, f"lake/{names.tenant}/{names.pipeline}/_probe")  # a tenant may write nowhere else
    return LakeReader(wiring, lake_tables(wiring.context.plan), settings)
