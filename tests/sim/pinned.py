"""Seeds that once found a bug, each with what it was; a seed that fails is added here together with its mending.

A seed means what the simulation makes of it: whoever changes what is drawn there looks for others, with the code as it
was before the mending. That a bug stays mended is also shown by a test of its own, beside the code.
"""

from __future__ import annotations

PINNED: dict[int, str] = {
    141: "the lake called a hand-over that took too long a fault of its own",
    724: "a stage called a hand-over that took too long a fault of its own",
    1345: "the same, woken up in the middle of a rebalance",
    5907: "a commit that was tried again came after a newer one and took the offset back",
}
