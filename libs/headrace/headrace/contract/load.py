"""The pipeline file from its text: types checked, and every mistake found with its line."""

from __future__ import annotations

from headrace.contract.draft import read_draft
from headrace.contract.errors import PipelineError, Problem
from headrace.contract.mistake import Mistake, dotted
from headrace.contract.pipeline import Pipeline
from headrace.contract.plan import Plan, plan_or_mistakes
from headrace.contract.references import mistakes
from headrace.contract.shape import read_shape
from headrace.contract.yaml_lines import Document, read_yaml


def load_pipeline(text: str, file: str) -> Pipeline:
    """Return the pipeline that the text declares; `file` is its name in messages.

    Raises PipelineError with every problem found, in the order of the file.
    """
    document = read_yaml(text)
    if not isinstance(document.data, dict):
        expected = Problem(1, "file", "expected a mapping that begins with `headrace: 1`")
        raise PipelineError(file, document.problems or [expected])
    shaped = read_shape(document.data)
    if isinstance(shaped, Pipeline):
        planned = plan_or_mistakes(shaped)
        if isinstance(planned, Plan) and not document.problems:
            return shaped
        found = planned if isinstance(planned, list) else []
    else:
        found = shaped + mistakes(read_draft(document.data))
    problems = document.problems + _problems(found, document)
    raise PipelineError(file, sorted(problems, key=lambda problem: problem.line))


def _problems(found: list[Mistake], document: Document) -> list[Problem]:
    """One problem for each part of the file: the first thing said of it, which is about its shape."""
    first = {wrong.path: wrong for wrong in reversed(found)}
    return [
        Problem(document.line(path), dotted(path) or "file", wrong.message, wrong.mend)
        for path, wrong in reversed(first.items())
    ]
