"""The device that models run on. A GPU that was asked for is used, or the process ends: never the CPU in its place.

onnxruntime falls back to the CPU in four places, all with no more than a line of text: a provider that the build lacks,
one that cannot be loaded (driver, CUDA, cuDNN), one that fails in a run, and single operators that it does not have.
"""

from __future__ import annotations

from typing import Literal

import onnxruntime as ort

from headrace.contract.errors import DeviceMissing, ModelError

Device = Literal["cpu", "cuda"]

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_NO_FALLBACK = "session.disable_cpu_ep_fallback"
_MEND = (
    "it takes an image with onnxruntime-gpu, an NVIDIA driver on the node and nvidia.com/gpu in the pod's resources"
    " (component gpu); or set HEADRACE_MODEL_DEVICE=cpu"
)
# y = x + x for one float: the smallest model that needs an operator of the device's own (IR 8, opset 13).
_PROBE = bytes.fromhex(
    "0808"
    "3a35"
    "0a0e0a01780a01781201792203416464"  # node: Add(x, x) -> y
    "120167"  # the graph's name
    "5a0f0a0178120a0a08080112040a020801"  # input x: float[1]
    "620f0a0179120a0a08080112040a020801"  # output y: float[1]
    "42040a00100d"
)


def open_session(body: bytes, threads: int, device: Device) -> ort.InferenceSession:
    """A session for ONNX bytes on this device alone.

    Raises DeviceMissing when the device is not used; ModelError when it does not have all of the model's operators;
    what onnxruntime raises for bytes that are no model.
    """
    provider = _PROVIDERS[device]
    if provider not in ort.get_available_providers():
        raise DeviceMissing(f"HEADRACE_MODEL_DEVICE={device}, but this onnxruntime has no {provider}: {_MEND}")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if device != "cpu":
        options.add_session_config_entry(_NO_FALLBACK, "1")
    try:
        session = ort.InferenceSession(body, options, providers=[provider], enable_fallback=0)
    except Exception as error:
        if "fallback to CPU EP" in str(error):
            raise ModelError(
                f"it has operators that {provider} lacks (trees are among them), and they would run on the CPU:"
                " set HEADRACE_MODEL_DEVICE=cpu for this model"
            ) from error
        raise
    if session.get_providers()[:1] != [provider]:
        raise DeviceMissing(
            f"HEADRACE_MODEL_DEVICE={device}, but the session runs on {', '.join(session.get_providers())}: {_MEND}"
        )
    return session


def expect_device(device: Device) -> None:
    """Run the smallest model there; raises DeviceMissing, so that a service says so before it waits for a model."""
    try:
        open_session(_PROBE, 1, device).run(None, {"x": [1.0]})
    except DeviceMissing:
        raise
    except Exception as error:
        raise DeviceMissing(f"HEADRACE_MODEL_DEVICE={device}: {str(error)[:200]}: {_MEND}") from error
