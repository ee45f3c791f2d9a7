"""What the guide says to take everything away does so, and nothing waits for ever."""

from __future__ import annotations

import re

from cluster.manifests.shown import METRICS, TENANTS, Shown
from headrace.local.places import PROJECT_ROOT
from rig.cluster.kube import Kube, condition, wait_for

GUIDE = PROJECT_ROOT / "docs/guides/kubernetes.md"


API = ("apiregistration.k8s.io/v1/APIService", "v1beta1.external.metrics.k8s.io")


def test_everything_goes_in_the_order_of_the_guide(shown: Shown, control_plane: Kube) -> None:
    # Given an overlay, two more tenants, and an API of metrics that nobody serves
    shown.show("overlays/dev", *TENANTS)
    assert shown.kubectl("apply", "-k", str(METRICS)).returncode == 0
    wait_for(lambda: condition(control_plane.find(*API), "Available") == "False", "an API that nobody serves")

    # When the guide's commands are given one after the other
    (line,) = re.findall(r"^To take it all away: (.*)$", GUIDE.read_text(), re.MULTILINE)
    folders = re.findall(r"`kubectl delete -k (\S+)`", line)
    assert len(folders) == 3
    for folder in folders:
        if folder.endswith("/mine"):
            shown.hide()
        else:
            shown.take_away(PROJECT_ROOT / folder)

    # Then each has waited until all of it was gone
    left = {each["metadata"]["name"] for each in control_plane.list("v1/Namespace")}
    assert left & {each["metadata"]["name"] for each in shown.everything() if each["kind"] == "Namespace"} == set()
    shown.begin()
