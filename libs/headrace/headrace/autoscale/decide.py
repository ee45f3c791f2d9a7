"""The step: facts and memory in, a decision and memory out."""

from __future__ import annotations

from headrace.autoscale.decision import Decision
from headrace.autoscale.facts import Observation, Unread
from headrace.autoscale.memory import Memory
from headrace.autoscale.policy import Policy


def decide(policy: Policy, observation: Observation | Unread, memory: Memory) -> tuple[Decision, Memory]:
    """How many replicas now (design §8), and what to pass in the next time.

    Pure: the same three values give the same two. To be called every few seconds, with the times in order.
    """
    raise NotImplementedError
