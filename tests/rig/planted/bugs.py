"""The bugs: each a small patch, where it must show (`trial`), and the invariant that must catch it.

The trial is `campaign`, the pipeline of the campaigns in memory before the judge of the campaigns, or a scenario of the
simulation, where processes, the broker and the store fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_RUNTIME = "libs/headrace/headrace/runtime"
_LAKE = "libs/headrace/headrace/lake"
_FEATURES = "libs/headrace/headrace/features"
_SEND_FAILS = """        except TimeoutError as error:
            raise SendUnknown(f"{self._place}: a send was not acknowledged in {seconds:g} s") from error
        except KafkaError as error:
            if refused := refusal(error):
                raise BrokerRefused(f"{self._place}: sending: {refused}") from error
            raise SendUnknown(f"{self._place}: a send failed: {error!r}") from error
"""


@dataclass(frozen=True, slots=True)
class Bug:
    """In `file` the text `right`, which stands there once, becomes `wrong`."""

    name: str
    trial: str
    invariant: str
    file: str
    right: str
    wrong: str


BUGS: Sequence[Bug] = (
    Bug(
        "commit before acks",
        "relay",
        "I7",
        f"{_RUNTIME}/lane.py",
        "await asyncio.gather(*acknowledgements)",
        "del acknowledgements",
    ),
    Bug(
        "a snapshot before acks",
        "cleaning",
        "I7",
        f"{_RUNTIME}/lane.py",
        "await asyncio.gather(*acknowledgements)",
        "del acknowledgements",
    ),
    Bug(
        "marks not stored with the offset",
        "relay",
        "I2",
        f"{_RUNTIME}/worker.py",
        "marks.encode(fold.marks, self._known)",
        "marks.encode({}, self._known)",
    ),
    Bug(
        "a failed send skipped",
        "relay",
        "I1",
        f"{_RUNTIME}/lane.py",
        _SEND_FAILS,
        "        except (TimeoutError, KafkaError):\n            return\n",
    ),
    Bug(
        "two sends in flight after an error",
        "relay",
        "I1",
        f"{_RUNTIME}/lane.py",
        _SEND_FAILS,
        "        except (TimeoutError, KafkaError):\n"
        "            self.late = sends\n"
        "            return\n"
        "        if late := self.__dict__.pop('late', None):\n"
        "            await self.send(late)\n",
    ),
    Bug(
        "last row of a batch dropped",
        "campaign",
        "I1",
        f"{_RUNTIME}/outbox.py",
        "            by_place[(output.topic, output.partition)] = kept\n",
        "            few = max(1, kept.rows.num_rows - 1)\n"
        "            rows, offsets = kept.rows[:few], kept.caused_by[:few]\n"
        "            kept = Output(output.topic, output.partition, rows, offsets, kept.time_column)\n"
        "            by_place[(output.topic, output.partition)] = kept\n",
    ),
    Bug(
        "snapshot written with the wrong applied offset",
        "cleaning",
        "I1",
        f"{_RUNTIME}/worker.py",
        "Saved(fold.position, dict(fold.marks), state)",
        "Saved(fold.position + 1, dict(fold.marks), state)",
    ),
    Bug(
        "snapshot without marks",
        "cleaning",
        "I10",
        f"{_RUNTIME}/worker.py",
        "Saved(fold.position, dict(fold.marks), state)",
        "Saved(fold.position, {}, state)",
    ),
    Bug(
        "snapshot without the rows that wait",
        "features",
        "I1",
        f"{_FEATURES}/order.py",
        "return scalars, self._waiting\n",
        "return scalars, self._waiting.slice(0, 0)\n",
    ),
    Bug(
        "lake commit without txn",
        "campaign",
        "I2",
        f"{_LAKE}/sink.py",
        "Commit(adds, txns, expect)",
        "Commit(adds, {}, {})",
    ),
    Bug(
        "lake commit over another writer's",
        "lake",
        "I2",
        f"{_LAKE}/delta_log.py",
        "            _check_expected(commit, state, self.root)\n"
        "            said = self._try(commit, state.version + 1, body)\n"
        "            if said.id != commit.id:\n"
        "                _check_winner(commit, said, state, self.root)\n",
        "            said = self._try(commit, state.version + 1, body)\n",
    ),
    Bug(
        "Delta commit retried blindly after an unknown outcome",
        "lake",
        "I2",
        f"{_LAKE}/delta_log.py",
        "said = self._read_back(version, doubt)",
        "said = Landed('somebody', {})",
    ),
    Bug(
        "re-keying with a random suffix",
        "campaign",
        "I4",
        "services/cleaning/headrace_cleaning/stage.py",
        "partition_of(rows[self._log.column], rows[PARTITION], self._width)",
        "np.random.default_rng().integers(self._width, size=rows.num_rows)",
    ),
    Bug(
        "a row counted for a request that was applied before it",
        "campaign",
        "I4",
        f"{_FEATURES}/views.py",
        "upto=(times - spec.delay) // spec.hop",
        "upto=(times - spec.delay) // spec.hop + 1",
    ),
    Bug(
        "one float changed",
        "campaign",
        "I4",
        "services/inference/headrace_inference/stage.py",
        "pa.array(scores[good], pa.float32())",
        "pa.array(np.nextafter(scores[good], np.float32(9)), pa.float32())",
    ),
    Bug(
        "horizon taken from the wall clock",
        "campaign",
        "I4",
        f"{_FEATURES}/views.py",
        "        tile = times // spec.hop\n",
        "        now = __import__('time').time_ns() // 1000\n"
        "        tile, largest = times // spec.hop, np.full(len(times), now)\n",
    ),
    Bug(
        "quarantine row swallowed",
        "campaign",
        "I6",
        f"{_RUNTIME}/outbox.py",
        "        if quarantined.num_rows:\n",
        "        if quarantined.num_rows > 1:\n",
    ),
    Bug(
        "repetitions let in",
        "relay",
        "I2",
        f"{_RUNTIME}/intake.py",
        "if is_replay(said.origin, mark):",
        "if False:",
    ),
    Bug(
        "straddling messages not trimmed",
        "relay",
        "I2",
        f"{_RUNTIME}/intake.py",
        "drop_seen(said.origin, mark)",
        "0",
    ),
    Bug(
        "nobody told that nothing more waits",
        "relay",
        "I10",
        f"{_RUNTIME}/outbox.py",
        "return told is None or not (told == progress or not (told.behind or progress.behind))",
        "return told is None",
    ),
)
