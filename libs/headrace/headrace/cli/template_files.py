"""The files of a new repository: the templates beside this module, with the pipeline's names in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from headrace.contract.load import load_pipeline
from headrace.manifests.rendered import namespace_of, rendered

PROGRAMS = frozenset({"deploy/github-identity"})
"""Files that are run."""


@dataclass(frozen=True, slots=True)
class Names:
    """What a repository is named after; `suite` is the tag or commit of Headrace that it uses."""

    pipeline: str
    tenant: str
    suite: str


def repository(names: Names) -> dict[str, str]:
    """Every file's text by its path; raises PlanError for names that Kubernetes cannot carry."""
    templates = dict(_texts(files("headrace.cli") / "template", ""))
    text = _named(templates["pipeline.yaml"], {"NAME": names.pipeline, "TENANT": names.tenant})
    pipeline = load_pipeline(text, "pipeline.yaml")
    values = {
        "NAME": names.pipeline,
        "TENANT": names.tenant,
        "REF": names.suite,
        "NAMESPACE": namespace_of(pipeline),
        "PREFIX": names.pipeline.replace("_", "-"),
    }
    made = {path.replace("dot-", "."): _named(template, values) for path, template in templates.items()}
    return made | {f"deploy/pipeline/{path}": part for path, part in rendered(pipeline, text).items()}


def _texts(folder: Traversable, path: str) -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _texts(entry, f"{path}{entry.name}/")
        else:
            yield f"{path}{entry.name}", entry.read_text(encoding="utf-8")


def _named(template: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        template = template.replace(f"@{name}@", value)
    return template
