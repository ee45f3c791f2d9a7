"""The words of docs/scaling.md; its figures come from the model."""

from __future__ import annotations

MATHS = """\
How many replicas a service gets, why, and what that costs. The decision is one pure function,
`headrace.autoscale.decide.decide(policy, observation, memory) -> (decision, memory)`; the lag service calls it every
few seconds for every service of every pipeline and publishes the number.

## The maths

Each partition asks for so many rows a second:

```
asked = arrival / utilisation + (backlog + arrival · pause) / catch-up time
```

`arrival` and `backlog` are in rows, not messages. `pause` is what a change of the count costs (a pod's start and the
rebalance) and is charged only to a change: the present count is judged without it, so a change must pay for itself.
A replica works `rate` rows a second. A count serves the partitions when

- their sum, each taken as at most `rate` (a partition is read by one replica), is at most count · rate, and
- the replica that gets the hottest partition, with an average share of the others beside it, manages both.

Only counts that help are considered: of 12 partitions 1, 2, 3, 4, 6 and 12, because with 5 replicas somebody has as
many partitions as with 4. The count goes up when the present one falls short by more than the dead band, all through
the scale-up window, and then at once to what is needed; it goes down to the most that was needed in the scale-down
window. Going up and down use different bounds, so a load that does not change changes the count once at most.

The rate is learned: when so few partitions have no backlog that every replica must have one that has, all replicas are
busy, and throughput is what they can do. Until that has happened the told rate counts. A rate that was learned while
something slowed everybody down for a while stays until they are busy again, or the lag service starts anew.
"""

GUARDS = {
    "the broker or the API server does not answer; facts older than `stale_s`; a lag that could not be counted": (
        "no number (`unread`, `stale`): the external metric is an error and the HPA keeps what it has. Never 0"
    ),
    "a topic with another id, or an offset past the end of its log": (
        "no number (`recreated`, `contradiction`), until somebody has looked"
    ),
    "records deleted before they were read": "the present count (`data_loss`), and it says which records",
    "pods of two versions, or a group that is not stable": (
        "the present count (`rollout`, `rebalance`), for as long as that lasts, even if the load rises meanwhile"
    ),
    "a partition that gets no further while the others do": "it asks for nothing; a warning names it",
    "nobody gets any further for `stalled_s`": "the present count (`stalled`)",
    "one partition asks for more than a replica works": (
        "its replica is kept nearly free for it, no more; a warning names it"
    ),
    "a step up whose effect is not measured yet": "the present count (`trial`)",
    "a step up after which throughput did not rise": (
        "no more than that for `freeze_s` (`frozen`), twice as long each time; back, if it fell. What was measured"
        " since then is not taken for the rate"
    ),
    "no group offset yet": "all of the log from its start is the backlog",
    "nothing to read and nothing written for `idle_s`, and `minimum` is 0": (
        "0 (`idle`); the first message wakes it (`wake`)"
    ),
}
"""What is seen, and what is answered."""

SETTINGS = {
    "maximum": (
        "most replicas; partitions bound it too",
        "less: a backlog takes longer; more: nothing is used in vain",
    ),
    "start_rate_rows_s": (
        "what a replica works, until that is learned",
        "too high: the first backlog grows until the replicas have been busy for `measure_s`;"
        " too low: too many replicas until they have been busy once, which at a low load may be never",
    ),
    "minimum": ("fewest replicas; 0 allows sleep", "0: the first row after a pause waits for a pod to start"),
    "utilisation": (
        "part of the rate that arrivals may use",
        "more: cheaper, and peaks and rebalances become backlog; less: the reverse",
    ),
    "catch_up_s": ("time in which a backlog is worked off", "shorter: more replicas for every backlog"),
    "restart_cost_s": (
        "time that rows wait when the count changes",
        "measure it: too short and a step is followed by another, too long and steps are too large",
    ),
    "dead_band": ("part by which the need must differ", "more: fewer changes, and up to that much short"),
    "scale_up_window_s": (
        "more must be needed for so long",
        "longer: bursts start nothing, and a real rise waits as long; 0: every burst starts pods",
    ),
    "scale_down_window_s": ("less must be needed for so long", "longer: fewer changes, replicas stay that long"),
    "idle_s": ("silence before sleep", "longer: replicas stay that long; shorter: they start more often"),
    "stale_s": ("age from which facts are not believed", "longer: a decision may rest on older facts"),
    "stalled_s": (
        "time without a commit after which a partition is stuck",
        "shorter than the longest step: healthy partitions pass for stuck ones",
    ),
    "measure_s": ("time over which throughput is measured", "longer: better measured, and the next step waits longer"),
    "busy_lag_s": ("lag from which a partition's reader had no pause", "too short: pauses pass for work"),
    "effective": (
        "least part of the proportional gain that a step must bring",
        "more: steps are called in vain sooner",
    ),
    "freeze_s": ("time without a step up after one in vain", "longer: a limit that has gone is noticed later"),
}
"""For each setting its meaning and what it costs."""

HPA = """\
## The HPA that follows

The number is the count itself, so the HPA must add nothing of its own: External metric `headrace_desired_replicas`,
`AverageValue` 1, and in `behavior` for both directions `tolerance: 0` (with the default 10 % a count of 11 never
becomes 12), `stabilizationWindowSeconds: 0` (the windows are in the decision already, and the default of 300 s for
scaling down would come on top), and a policy that allows the whole step at once (by default the HPA goes from 2 to 12
in three steps, each with a rebalance). `maxReplicas` is the partitions. A StatefulSet needs `podManagementPolicy:
Parallel`, or its pods come one by one, each with a rebalance.
"""

MODEL = """\
## Compared

In a model (`tests/rig/scaling`), second by second, with a seed. The service has {partitions} partitions unless a case
says otherwise; a replica works {rate:,.0f} rows/s and takes {start:.0f} to {latest:.0f} s to start; whenever a member
comes or goes nobody reads for {rebalance:.0f} s. The HPA's controller is modelled after its source (syncs every
{sync} s, tolerance, policies, windows, a missing metric holds).

- **Headrace**: `decide` every {every} s with the default settings, told the true rate.
- **KEDA**: its kafka scaler after its source, defaults but for `offsetResetPolicy: earliest`; `lagThreshold` is
  {threshold} s of a replica's work, so that it too is set by somebody who knows the true rate.
- **KEDA, careful**: the same with `limitToPartitionsWithLag`, `excludePersistentLag`, and down by one pod a minute.
- **lag threshold**: an HPA on an exporter's total lag, `Value` {threshold} s of a replica's work, queried as
  `sum(lag) or vector(0)`.

*drained*: seconds until the lag is less than {drained:.0f} s of arrivals for a minute. *late*: seconds with a lag of
more than a minute of arrivals. *most*, *end*: replicas at most and at the end.
"""

LESSONS = """\
## What to make of it

A lag threshold has no state in which nothing changes: the lag that asks for the right count is also a lag that somebody
has to wait for, and once it is gone it asks for the minimum. That is why KEDA and the lag threshold go up and down at a
steady load, and why a longer window or slower steps down only make the swing longer. A count from arrivals does not
have that, and needs to know what a replica works; that is its price, and `start_rate_rows_s` its weak spot.

Prefer KEDA's own scaler where its faults do not matter and its strengths do: it needs no lag service, it knows other
sources than Kafka, it answers a short backlog sooner because it does not ask whether the backlog will be gone in time
anyway, and it goes on when Headrace's lag service does not. Headrace's number can be read by KEDA too (metrics-api).

## What the model leaves out

Pods that compete for a node, a cluster that must add nodes, rebalances that differ in length, partitions whose rows
cost differently, and everything about Kubernetes that is not the HPA's arithmetic. The loop on real parts is another
test.
"""
