"""The Job that a CronJob and a command line make."""

from __future__ import annotations

import copy
from datetime import datetime
from pathlib import Path

import pytest
import yaml
from headrace.cli.app import app
from headrace.contract.errors import PlanError
from headrace.training_job.manifest import PREDICTION, SUBMITTED_BY, Object, TrainingRun, container_of, job_of
from typer.main import get_command

RUN = TrainingRun("late_at_departure", "challenger", 7, datetime(2013, 6, 1))  # noqa: DTZ001  as the command gives it
TEMPLATE: Object = yaml.safe_load("""
apiVersion: batch/v1
kind: CronJob
metadata:
  name: flights-training
  namespace: headrace-default
  uid: "1"
  labels: {headrace.dev/tenant: default, app.kubernetes.io/name: training, kustomize.toolkit.fluxcd.io/name: flux}
spec:
  suspend: true
  schedule: 0 3 * * *
  jobTemplate:
    spec:
      backoffLimit: 2
      activeDeadlineSeconds: 14400
      template:
        metadata:
          labels: {headrace.dev/tenant: default}
        spec:
          serviceAccountName: training
          restartPolicy: OnFailure
          containers:
            - name: service
              image: ghcr.io/headrace/headrace-cli@sha256:abc
              args: [train, /etc/headrace/pipeline.yaml]
              resources: {limits: {nvidia.com/gpu: "1"}}
            - {name: sidecar, image: other, args: [unchanged]}
""")


def made(template: Object = TEMPLATE, run: TrainingRun = RUN) -> Object:
    """The Job."""
    return job_of(template, run, "flights-training-1a2b3c", "ada")


def test_the_arguments_come_behind_those_of_the_template() -> None:
    first, sidecar = made()["spec"]["template"]["spec"]["containers"]
    assert first["args"] == [
        *("train", "/etc/headrace/pipeline.yaml", "late_at_departure", "--alias", "challenger", "--seed", "7"),
        *("--before", "2013-06-01T00:00:00"),
    ]
    assert sidecar["args"] == ["unchanged"]


def test_they_are_what_the_local_command_takes() -> None:
    (first, _) = made()["spec"]["template"]["spec"]["containers"]
    context = get_command(app).commands["train"].make_context("train", first["args"][1:])  # type: ignore[attr-defined]  # a group
    assert TrainingRun(**{name: context.params[name] for name in ("prediction", "alias", "seed", "before")}) == RUN
    assert context.params["file"] == Path("/etc/headrace/pipeline.yaml")


def test_image_device_and_account_are_the_templates() -> None:
    pod, template = made()["spec"]["template"]["spec"], TEMPLATE["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    for key in ("image", "resources"):
        assert pod["containers"][0][key] == template["containers"][0][key]
    assert pod["serviceAccountName"] == "training"


def test_it_is_tried_once_and_ends_by_the_templates_deadline_or_a_days() -> None:
    spec = made()["spec"]
    assert (spec["backoffLimit"], spec["template"]["spec"]["restartPolicy"]) == (0, "Never")
    assert (spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"]) == (14400, 86400)

    without = copy.deepcopy(TEMPLATE)
    del without["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"]
    assert made(without)["spec"]["activeDeadlineSeconds"] == 86400


def test_it_says_whose_it_is_and_goes_with_its_pipeline() -> None:
    metadata = made()["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("flights-training-1a2b3c", "headrace-default")
    assert metadata["labels"] == {
        "headrace.dev/tenant": "default",
        "app.kubernetes.io/name": "training",
        PREDICTION: "late_at_departure",
    }
    assert metadata["annotations"] == {SUBMITTED_BY: "ada"}
    (owner,) = metadata["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("CronJob", "flights-training", "1")
    assert "controller" not in owner


def test_the_template_stays_as_it_was() -> None:
    before = copy.deepcopy(TEMPLATE)
    made()
    assert before == TEMPLATE


def test_a_template_without_a_container_is_refused() -> None:
    empty = copy.deepcopy(TEMPLATE)
    empty["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"] = []
    with pytest.raises(PlanError, match="flights-training has no container"):
        made(empty)


def test_the_log_is_the_first_containers() -> None:
    assert container_of(made()) == "service"
