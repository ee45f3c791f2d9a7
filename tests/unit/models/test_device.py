"""A GPU that was asked for is used, or everybody is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import polars as pl
import pytest
import xgboost as xgb
from headrace.contract.errors import DeviceMissing, ModelError
from headrace.models import device
from headrace.models.labels import LABEL
from headrace.models.session import build
from headrace.models.training import train
from headrace.runtime.exits import Exit, exit_of

GPU, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
Pretend = Callable[..., dict[str, Any]]


@pytest.fixture
def gpu_build(monkeypatch: pytest.MonkeyPatch) -> Pretend:
    """An onnxruntime that was built with CUDA, whose sessions end up on `providers`, or fail with `error`."""

    def pretend(providers: list[str], error: str = "") -> dict[str, Any]:
        asked: dict[str, Any] = {}

        class Session:
            def __init__(self, body: bytes, options: ort.SessionOptions, **arguments: object) -> None:
                asked.update(arguments, strict=options.get_session_config_entry("session.disable_cpu_ep_fallback"))
                if error:
                    raise RuntimeError(error)

            def get_providers(self) -> list[str]:
                return providers

            def get_inputs(self) -> list[Any]:
                return [type("Input", (), {"name": "inputs"})]

        monkeypatch.setattr(ort, "get_available_providers", lambda: [GPU, CPU])
        monkeypatch.setattr(ort, "InferenceSession", Session)
        return asked

    return pretend


def test_a_build_without_cuda_is_refused_and_told_what_it_takes() -> None:
    assert GPU not in ort.get_available_providers()  # what the suite's own images have

    with pytest.raises(DeviceMissing, match=r"onnxruntime-gpu.*driver.*nvidia\.com/gpu") as refusal:
        device.expect_device("cuda")

    assert exit_of(refusal.value) is Exit.MODEL


def test_a_session_that_fell_back_to_the_cpu_is_refused(gpu_build: Pretend) -> None:
    gpu_build([CPU])
    with pytest.raises(DeviceMissing, match=f"runs on {CPU}"):
        build("m", 1, ("a",), b"", device="cuda")


def test_a_session_that_prefers_the_cpu_is_refused(gpu_build: Pretend) -> None:
    gpu_build([CPU, GPU])
    with pytest.raises(DeviceMissing, match=f"runs on {CPU}, {GPU}"):
        build("m", 1, ("a",), b"", device="cuda")


def test_onnxruntime_is_told_not_to_fall_back_by_itself(gpu_build: Pretend) -> None:
    asked = gpu_build([GPU, CPU])

    build("m", 1, ("a",), b"", device="cuda")

    assert asked == {"providers": [GPU], "enable_fallback": 0, "strict": "1"}


def test_a_model_whose_operators_the_gpu_lacks_is_refused_and_not_the_device(gpu_build: Pretend) -> None:
    gpu_build(
        [GPU], error="... nodes assigned to the default CPU EP, but fallback to CPU EP has been explicitly disabled"
    )

    with pytest.raises(ModelError, match=r"model m version 1 .*trees are among them") as refusal:
        build("m", 1, ("a",), b"", device="cuda")

    assert not isinstance(refusal.value, DeviceMissing)


def test_onnxruntime_says_what_that_refusal_is_known_by() -> None:
    # Azure's provider, which this build has, can take none of these operators.
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    with pytest.raises(Exception, match="fallback to CPU EP"):
        ort.InferenceSession(device._PROBE, options, providers=["AzureExecutionProvider"], enable_fallback=0)


def test_the_probe_is_a_model_and_the_cpu_runs_it() -> None:
    onnx.checker.check_model(onnx.load_from_string(device._PROBE), full_check=True)
    device.expect_device("cpu")


def rows() -> pl.DataFrame:
    """Rows enough to train on."""
    dice = np.random.default_rng(1)
    return pl.DataFrame({"a": dice.normal(size=800), LABEL: dice.random(800) > 0.5})


def test_an_xgboost_without_cuda_trains_nothing_on_a_gpu() -> None:
    with pytest.raises(DeviceMissing, match=r"built without CUDA: .*nvidia\.com/gpu"):
        train(rows(), ("a",), seed=1, threads=1, device="cuda")


@pytest.mark.filterwarnings("ignore:.*Device is changed from GPU to CPU")
def test_an_xgboost_that_went_over_to_the_cpu_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xgb, "build_info", lambda: {"USE_CUDA": True})
    with pytest.raises(DeviceMissing, match="has trained on cpu"):
        train(rows(), ("a",), seed=1, threads=1, device="cuda")
