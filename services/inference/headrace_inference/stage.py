"""Inference as a stage: request rows with their features in, scores out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from headrace.contract.errors import SnapshotError
from headrace.contract.identity import OFFSET, PARTITION, ROW
from headrace.contract.plan import Plan
from headrace.contract.quarantine import QUARANTINE_SCHEMA, RAW_LIMIT, Reason
from headrace.models.session import Model
from headrace.runtime.stage import Arrival, Effects, Input, Item, Output, Snapshot, State
from headrace.wire.headers import Progress
from headrace.wire.origin import OriginKey

from headrace_inference.current import CHAMPION, CurrentModels

NAME = "inference"

_SCALARS = "scalars"

Int64s = npt.NDArray[np.int64]


class InferenceStage:
    """Reads every features topic and writes the predictions topic of the same prediction, same partition."""

    name = NAME

    def __init__(self, plan: Plan, models: CurrentModels) -> None:
        self._plan = plan
        self._models = models
        self.predictions: Mapping[str, str] = {plan.topics.features(name): name for name in plan.pipeline.predictions}

    def inputs(self) -> Sequence[Input]:
        """Return every features topic."""
        predictions = self._plan.pipeline.predictions
        return [
            Input(topic, self._plan.features_schema(name), predictions[name].on)
            for topic, name in self.predictions.items()
        ]

    def origins(self, topic: str, partition: int) -> Sequence[OriginKey]:
        """Return the one writer: the log that the prediction's rows leave at, partition of the same number."""
        name = self.predictions[topic]
        log = next(log for log in self._plan.logs if name in log.leaving)
        return [OriginKey("feature_engineering", log.topic, partition)]

    def listeners(self, topic: str, partition: int) -> Sequence[tuple[str, int]]:
        """Return the one partition that this one's rows go to."""
        return [(self._plan.topics.predictions(self.predictions[topic]), partition)]

    def open(self, topic: str, partition: int, snapshot: Snapshot | None) -> ScoreState:
        """Return the state of a partition, with the model that was in force; raises ModelError when it is gone."""
        state = ScoreState(self._plan, self.predictions[topic], topic, partition, self._models)
        if snapshot is not None:
            state.restore(snapshot)
        return state


class ScoreState(State):
    """One features partition and the model in force there."""

    def __init__(self, plan: Plan, prediction: str, topic: str, partition: int, models: CurrentModels) -> None:
        spec = plan.pipeline.predictions[prediction]
        self._prediction = prediction
        self._stream = spec.on
        self._topic = topic
        self._place = (plan.topics.predictions(prediction), partition)
        self._no_rows = plan.features_schema(prediction).empty_table()
        self._schema = plan.predictions_schema(prediction)
        self._columns = plan.model_inputs(prediction)
        self._event_time = plan.pipeline.streams[spec.on].event_time
        self._models = models
        self._model: Model | None = None
        self._heard = Progress(None, behind=True)

    def step(self, items: Sequence[Item], *, at_end: bool) -> Effects:
        """Score the rows; one that the model cannot take goes to quarantine, and the others go on."""
        arrivals = [item for item in items if isinstance(item, Arrival)]
        for arrival in arrivals:
            time = arrival.progress.time if arrival.progress.time is not None else self._heard.time
            self._heard = Progress(time, arrival.progress.behind)
        rows = pa.concat_tables([self._no_rows, *(arrival.rows for arrival in arrivals)])
        lengths = [arrival.rows.num_rows for arrival in arrivals]
        offsets = np.repeat(np.array([arrival.offset for arrival in arrivals], np.int64), lengths)
        timestamps = np.repeat(np.array([arrival.timestamp for arrival in arrivals], np.int64), lengths)
        progress = Progress(self._heard.time, behind=not at_end or self._heard.behind)
        if not rows.num_rows:
            return Effects(progress=progress)
        assert self._model is not None, "the runtime waits for a model before it takes rows"
        scores = _scores(self._model, rows)
        good = np.isfinite(scores)
        return Effects(
            outputs=[Output(*self._place, self._answers(rows, scores, good), offsets[good], self._event_time)],
            rejected=self._rejected(rows, np.flatnonzero(~good), offsets, timestamps),
            progress=progress,
            counts=Counter(scored=int(np.count_nonzero(good))),
        )

    def refresh(self) -> bool:
        """Take up the model in force; True when it is another one."""
        current = self._models.get(self._prediction)
        if current is None or (self._model is not None and current.number == self._model.number):
            return False
        self._model = current
        return True

    def snapshot(self) -> Snapshot:
        """Return the version in force and what the origin said last."""
        version = None if self._model is None else self._model.number
        said = {"version": version, "time": self._heard.time, "behind": self._heard.behind}
        return {_SCALARS: pa.table({"json": [json.dumps(said)]})}

    def restore(self, snapshot: Snapshot) -> None:
        """Take up a snapshot; raises SnapshotError for another kind of state, ModelError for a version that is gone."""
        try:
            said = json.loads(snapshot[_SCALARS]["json"][0].as_py())
            version, self._heard = said["version"], Progress(said["time"], said["behind"])
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise SnapshotError(f"it is not the snapshot of a scorer: {error!r}") from error
        if version is not None:
            self._model = self._models.load(self._prediction, version)

    def _answers(self, rows: pa.Table, scores: npt.NDArray[np.float32], good: npt.NDArray[np.bool_]) -> pa.Table:
        assert self._model is not None
        kept = rows.filter(pa.array(good))
        count = kept.num_rows
        columns = dict(zip(kept.schema.names, kept.columns, strict=True)) | {
            "score": pa.array(scores[good], pa.float32()),
            "model": pa.array([self._model.name] * count, pa.string()),
            "version": pa.array(np.full(count, self._model.number, np.int32)),
            "arm": pa.array([CHAMPION] * count, pa.string()),
        }
        arrays = [columns[field.name].cast(field.type, safe=field.name not in self._columns) for field in self._schema]
        return pa.Table.from_arrays(arrays, schema=self._schema)

    def _rejected(self, rows: pa.Table, places: npt.NDArray[np.intp], offsets: Int64s, timestamps: Int64s) -> pa.Table:
        found = rows.take(places).to_pylist()
        return pa.Table.from_pylist(
            [
                {
                    "stage": NAME,
                    "topic": self._topic,
                    "topic_offset": int(offsets[place]),
                    "stream": self._stream,
                    "reason": str(Reason.NOT_SCORABLE),
                    "rule": self._prediction,
                    "detail": "the model gives no finite score for this row",
                    "raw": json.dumps(row, default=str, ensure_ascii=False).encode()[:RAW_LIMIT],
                    "time": max(int(timestamps[place]), 0) * 1000,
                    **{name: row[name] for name in (PARTITION, OFFSET, ROW)},
                }
                for place, row in zip(places, found, strict=True)
            ],
            schema=QUARANTINE_SCHEMA,
        )


def _scores(model: Model, rows: pa.Table) -> npt.NDArray[np.float32]:
    """Halves what fails until only single rows fail; such a row has no score (NaN)."""
    try:
        return model.score(rows)
    except Exception:  # noqa: BLE001  the runtime's own errors share no base class, and the row is named in quarantine
        if rows.num_rows == 1:
            return np.full(1, np.nan, np.float32)
    half = rows.num_rows // 2
    return np.concatenate([_scores(model, rows.slice(0, half)), _scores(model, rows.slice(half))])
