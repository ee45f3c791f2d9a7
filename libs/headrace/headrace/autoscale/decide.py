"""The step: facts and memory in, a decision and memory out."""

from __future__ import annotations

from dataclasses import replace

from headrace.autoscale.capacity import bounds, counts, enough, loads
from headrace.autoscale.decision import Answer, Cause, Decision, Unknown
from headrace.autoscale.doubt import doubt
from headrace.autoscale.facts import Observation, Unread
from headrace.autoscale.learn import learned
from headrace.autoscale.memory import Memory
from headrace.autoscale.policy import Policy
from headrace.autoscale.progress import followed, stuck


def decide(policy: Policy, observation: Observation | Unread, memory: Memory) -> tuple[Decision, Memory]:
    """How many replicas now (design §8), and what to pass in the next time.

    Pure: the same three values give the same two. To be called every few seconds, with the times in order.
    """
    if isinstance(observation, Unread):
        return Unknown(Cause.UNREAD, observation.why), replace(memory, window=None)
    if (problem := doubt(policy, observation, memory.seen)) is not None:
        return problem, replace(memory, window=None)
    memory = followed(policy, observation, learned(policy, observation, memory))
    if (held := _held(policy, observation, memory)) is not None:
        return held, _noted(policy, memory, observation.at_s, held.replicas)
    needed = _needed(policy, observation, memory)
    memory = _noted(policy, memory, observation.at_s, needed.replicas)
    answer = _not_at_once(policy, observation, memory, needed)
    return _not_in_vain(policy, observation, memory, answer), memory


def _held(policy: Policy, observation: Observation, memory: Memory) -> Answer | None:
    """The answer where this is no matter of how much there is to do; None where it is."""
    now, replicas = observation.at_s, observation.replicas
    least, most = bounds(policy, len(observation.partitions))
    stay = min(max(replicas, least), most)
    for each in observation.partitions:
        if each.committed is not None and each.committed < each.log_start:
            return Answer(
                stay,
                Cause.DATA_LOSS,
                f"{each.place}: records {each.committed} to {each.log_start - 1} were deleted before they were read:"
                " held until a person has decided what to do about them",
            )
    if policy.minimum == 0 and memory.quiet_since_s is not None:
        quiet_s = now - memory.quiet_since_s
        if replicas == 0 or (quiet_s >= policy.idle_s and not observation.rolling_out and not observation.rebalancing):
            return Answer(0, Cause.IDLE, f"all is read, and nothing was written for {quiet_s:.0f} s")
    if replicas == 0:
        return None
    if observation.rolling_out:
        return Answer(stay, Cause.ROLLOUT, "pods are being replaced: held until that is over")
    if observation.rebalancing:
        return Answer(stay, Cause.REBALANCE, "partitions are changing hands: held until that is over")
    if memory.got_on_at_s is not None and now - memory.got_on_at_s >= policy.stalled_s:
        since = now - memory.got_on_at_s
        return Answer(stay, Cause.STALLED, f"there is a backlog and nobody has committed anything for {since:.0f} s")
    return None


def _needed(policy: Policy, observation: Observation, memory: Memory) -> Answer:
    """What the maths says, with its dead band: a change must be worth what it costs."""
    stuck_places = stuck(policy, observation, memory)
    rate = policy.start_rate_rows_s if memory.rate_rows_s is None else memory.rate_rows_s
    choice, band, now_replicas = counts(policy, len(observation.partitions)), policy.dead_band, observation.replicas
    staying = loads(policy, observation.partitions, stuck_places, 0.0)
    moving = loads(policy, observation.partitions, stuck_places, policy.restart_cost_s)
    warnings = tuple(f"{place} is stuck: more replicas do not help it" for place in stuck_places) + tuple(
        f"{each.place} asks for {load:,.0f} rows/s, more than one replica works: more replicas do not help it"
        for each, load in zip(observation.partitions, staying, strict=True)
        if load > rate
    )
    asked = f"{sum(staying):,.0f} rows/s are asked for and a replica works {rate:,.0f}"

    def serving(asked_rows_s: list[float], factor: float) -> int:
        return enough(choice, [each * factor for each in asked_rows_s], rate, policy.utilisation)

    if now_replicas == 0:
        return Answer(serving(moving, 1), Cause.WAKE, f"there is something to read: {asked}", warnings)
    if serving(staying, 1 / (1 + band)) > now_replicas:
        return Answer(serving(moving, 1), Cause.UP, f"{asked}: {now_replicas} are not enough", warnings)
    if (fewer := serving(moving, 1 / (1 - band))) < now_replicas:
        return Answer(fewer, Cause.DOWN, f"{asked}: {fewer} are enough", warnings)
    return Answer(now_replicas, Cause.STEADY, f"{asked}: {now_replicas} serve that", warnings)


def _noted(policy: Policy, memory: Memory, now: float, count: int) -> Memory:
    """`count` is needed now: it joins the windows."""
    longest = max(policy.scale_up_window_s, policy.scale_down_window_s)
    recent = ((at, past) for at, past in memory.needed if now - at < longest)
    return replace(memory, needed=(*recent, (now, count)))


def _not_at_once(policy: Policy, observation: Observation, memory: Memory, needed: Answer) -> Answer:
    """Up only when more was needed all through the one window, down only to the most that was in the other."""
    now, replicas = observation.at_s, observation.replicas
    if replicas == 0:
        return needed
    if needed.replicas > replicas:
        seconds = policy.scale_up_window_s
        allowed = (
            needed.replicas if min(_within(memory, now, seconds), default=needed.replicas) > replicas else replicas
        )
    else:
        seconds = policy.scale_down_window_s
        most = max(_within(memory, now, seconds), default=needed.replicas)
        allowed = min(replicas, most, bounds(policy, len(observation.partitions))[1])
    if allowed == needed.replicas:
        return needed
    reason = f"{needed.reason}; not at once: {allowed} was right at some time in the last {seconds:g} s"
    return replace(needed, replicas=allowed, cause=Cause.WINDOW, reason=reason)


def _within(memory: Memory, now: float, seconds: float) -> list[int]:
    return [count for at, count in memory.needed if now - at < seconds]


def _not_in_vain(policy: Policy, observation: Observation, memory: Memory, needed: Answer) -> Answer:
    """Not past the count up to which replicas brought something, nor further before that is known."""
    now, freeze, trial = observation.at_s, memory.freeze, memory.trial
    if freeze is not None and freeze.holds(now) and needed.replicas > freeze.ceiling:
        return replace(needed, replicas=freeze.ceiling, cause=Cause.FROZEN, reason=f"{needed.reason}, but {freeze.why}")
    patience_s = policy.restart_cost_s + 2 * policy.measure_s
    if trial is not None and needed.replicas > observation.replicas and now - trial.at_s < patience_s:
        reason = f"{needed.reason}, but what the step from {trial.replicas} brought is not known yet"
        return replace(needed, replicas=observation.replicas, cause=Cause.TRIAL, reason=reason)
    return needed
