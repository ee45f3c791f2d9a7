"""Components: every legal combination builds and is right, every clash is refused by Kustomize itself."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from headrace.local.places import PROJECT_ROOT
from headrace.manifests.check import findings
from headrace.manifests.choice import CHOICES as EXCLUSIVE
from headrace.manifests.choice import twice_chosen
from rig.manifests.builder import Rendered, read
from rig.manifests.combinations import CHOICES, KUSTOMIZE, OPTIONS, ORDER, Combination, clashes, legal
from rig.manifests.kubeconform import Kubeconform

BuildAll = Callable[[list[Combination]], dict[str, Rendered]]

pytestmark = pytest.mark.timeout(900)  # the tools are built first, on a machine that has none

_HELD_APART = [(choice, clash) for choice, clash in clashes() if choice != "monitoring"]


def test_every_legal_combination_builds(combinations: dict[str, Rendered]) -> None:
    assert {name: why for name, why in combinations.items() if isinstance(why, str)} == {}


def test_every_legal_combination_obeys_the_rules(combinations: dict[str, Rendered]) -> None:
    found = {
        f"{name}: {finding}"
        for name, file in combinations.items()
        if isinstance(file, Path)
        for finding in findings(read(file))
    }
    assert found == set()


def test_every_legal_combination_fits_the_schemas(combinations: dict[str, Rendered], kubeconform: Kubeconform) -> None:
    assert kubeconform.problems([file for file in combinations.values() if isinstance(file, Path)]) == []


def test_every_way_to_choose_and_every_set_of_options_is_among_them() -> None:
    sets = {frozenset(each.components) for each in legal()}
    ways = set(
        product(CHOICES["kafka"], CHOICES["store"], [None, *CHOICES["autoscale"]], [None, *CHOICES["monitoring"]])
    )
    assert {way for way in ways if any(set(way) - {None} <= each for each in sets)} == ways
    assert len({frozenset(option for option in OPTIONS if each.issuperset(option)) for each in sets}) == 2 ** len(
        OPTIONS
    )


def test_every_component_is_in_the_combinations_or_known_to_stand_elsewhere() -> None:
    # The tenant is around every one of them; monitoring-lag belongs to the control plane, dev-kafka-s3 and what goes
    # with it to an overlay
    elsewhere = {"tenant", "monitoring-lag", "dev-kafka-s3", "inside-only", "replicas-by-autoscaler"}
    there = {folder.name for folder in (KUSTOMIZE / "components").iterdir() if folder.is_dir()}
    assert there == {*ORDER, *elsewhere}


def test_the_choices_of_the_check_are_those_of_the_combinations() -> None:
    assert {name: set(of) for name, of in EXCLUSIVE.items()} == {name: set(of) for name, of in CHOICES.items()}


@pytest.mark.parametrize(("choice", "clash"), _HELD_APART, ids=lambda each: getattr(each, "name", each))
def test_kustomize_refuses_two_of_one_choice(choice: str, clash: Combination, build_combinations: BuildAll) -> None:
    (outcome,) = build_combinations([clash]).values()
    signs = {"autoscale": ("/spec/replicas", "HorizontalPodAutoscaler"), "kafka": ("kafka",), "store": ("store",)}
    assert isinstance(outcome, str)
    assert any(sign in outcome for sign in signs[choice])


@pytest.mark.parametrize(("choice", "clash"), list(clashes()), ids=lambda each: getattr(each, "name", each))
def test_the_check_says_in_words_which_two_exclude_each_other(choice: str, clash: Combination, tmp_path: Path) -> None:
    (found,) = twice_chosen(clash.write(tmp_path / "overlay"))
    first, second = (each for each in clash.components if each in CHOICES[choice])
    assert found.where == str(tmp_path / "overlay/flights/kustomization.yaml")
    assert str(found).endswith(f"{first} and {second} exclude each other: two {choice} components at once (keep one)")


def test_development_components_stay_out_of_staging_and_prod() -> None:
    for overlay in ("staging", "prod"):
        text = "".join(file.read_text() for file in (KUSTOMIZE / "overlays" / overlay).rglob("kustomization.yaml"))
        assert not any(
            name in text for name in ("dev-sync", "dev-kafka-s3", "inside-only", "components/debug", "kafka-plain")
        )


def test_each_base_is_a_kustomization_of_its_own(kustomized: Callable[[Path], list[object]]) -> None:
    services = ("ingestion", "cleaning", "feature-engineering", "inference", "lake", "lag")
    for service in services:
        assert kustomized(PROJECT_ROOT / "kustomize/base" / service)
