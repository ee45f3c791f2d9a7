"""Inference: the score of each request once more, by onnxruntime itself, with the version that the prediction names."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from rig.judgement.arrow_rows import Row
from rig.judgement.compare import Placed, compare
from rig.judgement.content import Content, Identity, identity_of
from rig.judgement.evidence import Evidence
from rig.judgement.facts import Facts
from rig.judgement.outcomes import Rejected
from rig.judgement.rejections import Expected
from rig.judgement.rows_hops import IDENTITY, misses
from rig.judgement.words import Book, Word


class Scorer:
    """One version of a model; scores a row at a time."""

    def __init__(self, onnx: bytes) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = ort.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def score(self, inputs: npt.NDArray[np.float32]) -> float:
        """The score of one input vector: the last number of the model's last output."""
        answer = np.asarray(self._session.run(None, {self._input: inputs.reshape(1, -1)})[-1], np.float32)
        return float(answer.reshape(-1)[-1])


def judge_scores(evidence: Evidence, facts: Facts, contents: Mapping[str, Content], book: Book) -> list[Expected]:
    """Compare the predictions with the recorded requests; returns the requests that no model can score."""
    rejected: list[Expected] = []
    scorers: dict[tuple[str, int], Scorer] = {}
    for name, spec in facts.predictions.items():
        requests = contents[facts.topic("features", name)]
        answers = contents[facts.topic("predictions", name)]
        for place, onnx in evidence.models.items():
            if place[0] == spec.model and place not in scorers:
                scorers[place] = Scorer(onnx)
        own = {version: scorer for (model, version), scorer in scorers.items() if model == spec.model}
        found = [
            Placed(identity_of(row), (message.partition, message.origin.key), row)
            for message in answers.messages()
            for row in message.rows
        ]
        versions: dict[Identity, int] = {placed.name: placed.row["version"] for placed in found}
        expected = []
        for message in requests.messages():
            for row in message.rows:
                identity = identity_of(row)
                version = versions.get(identity)
                if version is not None and version not in own:
                    detail = f"the registry has no version {version} of {spec.model}"
                    book.find(Word.INVENTED, "I3", answers.topic, identity, detail)
                    continue
                right = _answer(row, name, facts, own, version)
                if right is not None:
                    sequence = (message.partition, f"inference {requests.topic} {message.partition}")
                    expected.append(Placed(identity, sequence, right))
                else:
                    refusal = Rejected(identity, "not_scorable", name, row=row)
                    time = message.timestamp * 1000
                    rejected.append(
                        Expected("inference", requests.topic, message.partition, message.offset, time, spec.on, refusal)
                    )
        compare(book, answers.topic, expected, found, triage=misses(answers))
    return rejected


def _answer(row: Row, prediction: str, facts: Facts, scorers: Mapping[int, Scorer], version: int | None) -> Row | None:
    """What the prediction must be, by this version or, where none is named, by any; None: it must be rejected."""
    spec = facts.predictions[prediction]
    names = facts.inputs_of(prediction)
    values = [math.nan if row[name] is None else row[name] for name in names]
    with np.errstate(over="ignore"):
        inputs = np.array(values, np.float64).astype(np.float32)
    head = {spec.key: row[spec.key], (time := facts.streams[spec.on].event_time): row[time]}
    used = {n: None if row[n] is None else float(inputs[at]) for at, n in enumerate(names)}
    for number, scorer in scorers.items():
        if version not in (None, number):
            continue
        score = scorer.score(inputs)
        if math.isfinite(score):
            said = {"score": score, "model": spec.model, "version": number, "arm": "champion"}
            if version is not None:
                return {**head, **used, **said, **{name: row[name] for name in IDENTITY}}
        else:
            return None
    return {name: row[name] for name in IDENTITY}  # every version would have scored it
