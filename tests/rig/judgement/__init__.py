"""The judge: says of every record what became of it, from Kafka and the lake alone. Imports nothing of the suite.

Written from the page (design §3 to §7, docs/), so that it is wrong in other places than the suite. `settled` waits for
the moment to judge, `judge` gathers and weighs, `CommitSampler` watches committed offsets while a run goes on.
"""

from rig.judgement.commits import CommitSampler
from rig.judgement.endpoints import Endpoints
from rig.judgement.facts import Facts, read_facts
from rig.judgement.judge import gather, judge
from rig.judgement.settling import Settled, settled
from rig.judgement.verdict import weigh
from rig.judgement.words import Finding, Judgement, Miss, Word

__all__ = [
    "CommitSampler",
    "Endpoints",
    "Facts",
    "Finding",
    "Judgement",
    "Miss",
    "Settled",
    "Word",
    "gather",
    "judge",
    "read_facts",
    "settled",
    "weigh",
]
