"""`python -m rig.planted.trial TRIAL`: one trial of whatever code there is; prints what was found as JSON.

{invariant: an example}, empty when nothing was found.
"""

from __future__ import annotations

import json
import sys

SEEDS = 200
"""Seeds of the simulation until a bug counts as missed."""
IDS, CRASHES = 240, 12


def main() -> None:
    """Try what the command line names."""
    trial = sys.argv[1]
    print(json.dumps(_campaign() if trial == "campaign" else _simulation(trial, sys.argv[2])))


def _campaign() -> dict[str, str]:
    from rig.campaign.in_memory import World
    from rig.campaign.run import PIPELINE
    from rig.judgement import weigh
    from rig.judgement.facts import read_facts

    facts = read_facts(PIPELINE)
    world = World(PIPELINE.read_text(encoding="utf-8"), facts, seed=5, ids=IDS, crashes=CRASHES)
    judgement = weigh(world.evidence(), facts)
    return {each.invariant: f"{each.word}: {each.where}: {each.what} {each.detail}" for each in judgement.findings}


def _simulation(name: str, invariant: str) -> dict[str, str]:
    """Seeds until one breaks the invariant, or none does."""
    from sim import scenarios

    found: dict[str, str] = {}
    for seed in range(SEEDS):
        for problem in scenarios.simulate(seed, getattr(scenarios, name.upper())).problems:
            broken, _, what = problem.partition(" ")
            found[broken] = f"seed {seed}: {what}"
        if invariant in found:
            break
    return found


if __name__ == "__main__":
    main()
