"""`headrace train`: features and labels from the lake, a model, a published version, the alias moved."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import polars as pl
import typer
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from headrace.cli.pipeline import PipelineFile, read_plan
from headrace.cli.where import find_lake
from headrace.contract.errors import ModelError, PlanError, SettingsError
from headrace.contract.pipeline import Hop
from headrace.contract.plan import Plan
from headrace.lake.read import Lake
from headrace.lake.tables import find_table
from headrace.models.device import Device
from headrace.models.labels import with_labels
from headrace.models.manifest import Manifest, Training, inputs_of
from headrace.models.registry import MODEL, SAMPLE, Registry
from headrace.runtime.settings import PREFIX, read_settings
from headrace.store.opening import open_store
from headrace.training_job.manifest import TrainingRun

Prediction = Annotated[str | None, typer.Argument(help="Which prediction; may be left out where there is one.")]


class TrainingSettings(BaseSettings):
    """What trains."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}TRAINING_", frozen=True, extra="ignore")

    device: Device = Field(
        "cpu", description="what models are trained on: cpu, or cuda, which is a GPU and never the CPU"
    )


class Where(StrEnum):
    """Where a training runs."""

    HERE = "here"
    KUBERNETES = "kubernetes"


def train(
    file: PipelineFile,
    prediction: Prediction = None,
    before: Annotated[datetime | None, typer.Option(help="Use only requests before this time (UTC).")] = None,
    alias: Annotated[str, typer.Option(help="The alias that is moved to the new version.")] = "champion",
    seed: Annotated[int, typer.Option(help="The same rows and seed give the same model.")] = 1,
    on: Annotated[
        Where, typer.Option(help="Here, or as a Job of the cluster that runs the pipeline, with its file.")
    ] = Where.HERE,
    namespace: Annotated[
        str | None, typer.Option(help="With --on kubernetes: the tenant's namespace, headrace-<tenant> by default.")
    ] = None,
    context: Annotated[str | None, typer.Option(help="With --on kubernetes: a context of the kubeconfig.")] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="With --on kubernetes: start it and do not follow it.")
    ] = False,
    follow: Annotated[
        str | None,
        typer.Option(help="With --on kubernetes: follow a training that was started earlier.", metavar="JOB"),
    ] = None,
) -> None:
    """Train a prediction's model from the lake, publish it and move an alias to it.

    With --on kubernetes as a Job, whose log is shown and whose end is this command's; Ctrl-C leaves it running.
    """
    plan = read_plan(file)
    if on is Where.KUBERNETES:
        try:
            from headrace.cli import train_on_kubernetes as cluster  # Kubernetes' client: two seconds, only here
        except ModuleNotFoundError as error:
            raise SettingsError(
                f"--on kubernetes needs the package {error.name}: install headrace[kubernetes]"
            ) from None

        place = cluster.place_of(plan, file, namespace, context)
        if follow is not None:
            raise typer.Exit(cluster.follow_again(place, follow))
        asked = TrainingRun(_one(plan, prediction), alias, seed, before)
        raise typer.Exit(cluster.train_there(place, asked, detach=detach))
    if namespace or context or detach or follow:
        raise typer.BadParameter("--namespace, --context, --detach and --follow need --on kubernetes")
    name = _one(plan, prediction)
    lake = find_lake(plan)
    print(f"Reading features and labels of {name} from the lake")
    rows, tables = labelled(plan, name, lake, before)
    registry = Registry(open_store(lake.settings), plan.pipeline.tenant)
    number, metrics = fit_and_publish(plan, name, rows, tables, registry, alias, seed)
    model = plan.pipeline.predictions[name].model
    said = ", ".join(f"{key} {value:.4g}" for key, value in metrics.items())
    print(f"Published {model} version {number}, trained on {rows.height} rows; on the latest 15 %: {said}")
    print(f"{model}: {alias} is version {number}")


def labelled(
    plan: Plan, prediction: str, lake: Lake, before: datetime | None = None
) -> tuple[pl.DataFrame, dict[str, int]]:
    """The request rows with features and their matured labels, in event-time order, and the tables' versions."""
    spec = plan.pipeline.predictions[prediction]
    if spec.label is None:
        raise PlanError(f"predictions.{prediction} declares no label, so there is nothing to learn from")
    asked = plan.pipeline.streams[spec.on].event_time
    told = plan.pipeline.streams[spec.label.source].event_time
    features = find_table(plan, Hop.FEATURES, prediction)
    labels = find_table(plan, Hop.CLEANED, spec.label.source)
    requests, features_version = lake.scan(features)
    events, labels_version = lake.scan(labels)
    if before is not None:
        until = before.replace(tzinfo=before.tzinfo or UTC)
        requests, events = requests.filter(pl.col(asked) < until), events.filter(pl.col(told) < until)
    wanted = [*spec.label.by, asked, *plan.model_inputs(prediction), "_partition", "_offset", "_row"]
    rows = with_labels(requests.select(list(dict.fromkeys(wanted))).collect(), events.collect(), spec, asked, told)
    return rows, {lake.uri(features): features_version, lake.uri(labels): labels_version}


def fit_and_publish(
    plan: Plan,
    prediction: str,
    rows: pl.DataFrame,
    tables: dict[str, int],
    registry: Registry,
    alias: str = "champion",
    seed: int = 1,
) -> tuple[int, dict[str, float]]:
    """Train on labelled rows, publish a version, point the alias at it; returns its number and metrics."""
    from headrace.models.training import train as fit  # XGBoost and the converter: two seconds, only here

    inputs = inputs_of(plan, prediction)
    if rows.is_empty():
        raise ModelError(
            "no request has a matured label yet: let the pipeline run for longer, or widen the label's window"
        )
    times = rows[plan.pipeline.streams[plan.pipeline.predictions[prediction].on].event_time]
    device = read_settings(TrainingSettings).device
    trained = fit(rows, inputs.columns, seed=seed, threads=os.cpu_count() or 1, device=device)
    manifest = Manifest(
        name=plan.pipeline.predictions[prediction].model,
        files={},
        inputs=inputs,
        training=Training(
            tables=tables,
            rows=trained.rows,
            first=str(times.min()),
            last=str(times.max()),
            seed=seed,
            params=trained.params,
            commit=os.environ.get("HEADRACE_COMMIT", ""),
        ),
        metrics=trained.metrics,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    number = registry.publish(manifest, {MODEL: trained.onnx, SAMPLE: trained.sample})
    registry.point(manifest.name, alias, number)
    return number, trained.metrics


def _one(plan: Plan, prediction: str | None) -> str:
    names = list(plan.pipeline.predictions)
    if prediction is None and len(names) == 1:
        return names[0]
    if prediction in names:
        return str(prediction)
    raise PlanError(f"say which prediction: {', '.join(names) or 'the file declares none'}")
