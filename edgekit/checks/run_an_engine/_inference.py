"""What the two exercises that run an engine by hand share: the cases, the record of a run, and the judgement of both."""

from __future__ import annotations

import numpy as np

from edgekit.checks import AnswerRaised, array, call, require
from edgekit.checks.fake_gpu import FakeGpu, tensorrt


def inputs(rng: np.random.Generator) -> dict:
    largest = int(rng.integers(5, 17))
    sizes = [largest, 1, int(rng.integers(2, largest))]
    return {
        "largest": largest,
        "weights": rng.normal(0, 0.1, (784, 7)).astype(np.float32),
        "x": [rng.random((n, 1, 28, 28), dtype=np.float32) for n in sizes],
    }


def probe(answer, inputs: dict, libraries) -> dict:
    """Calls with the pictures of every case, in turn, on one context; then with too many pictures; then with an engine that fails.

    libraries(gpu, fail) gives what the answer gets before the context.
    """
    gpu = FakeGpu()
    trt, plan = tensorrt(gpu, inputs["weights"], inputs["largest"])
    context = _context(trt, plan)
    before = libraries(gpu, False)
    found = {"logits": [], "wrong": [], "left": [], "order": []}
    for x in inputs["x"]:
        gpu.did.clear()
        result, error = None, ""
        try:
            result = _plain(call(_Here(answer, (*before, context, x.copy()))))
        except AnswerRaised as raised:
            if not gpu.wrong:  # an error of its own, or nothing written yet
                raise
            error = str(raised)
        found["logits"].append(result)
        found["wrong"].append([*gpu.wrong, *([error] if error else [])])
        found["left"].append(gpu.left())
        found["order"].append(list(gpu.did))
        if gpu.wrong or error:
            break
    if not gpu.wrong and found["logits"][-1] is not None:
        found["too_many"] = _error(answer, *before, context, np.ones((inputs["largest"] + 1, 1, 28, 28), np.float32))
        gpu = FakeGpu()
        trt, plan = tensorrt(gpu, inputs["weights"], inputs["largest"], works=False)
        found["failing"] = _error(answer, *libraries(gpu, False), _context(trt, plan), inputs["x"][0].copy())
        gpu = FakeGpu()
        trt, plan = tensorrt(gpu, inputs["weights"], inputs["largest"])
        _error(answer, *libraries(gpu, True), _context(trt, plan), inputs["x"][0].copy())
        found["left after failing"] = gpu.left()
    return found


def _context(trt, plan):
    return trt.Runtime(trt.Logger()).deserialize_cuda_engine(plan).create_execution_context()


class _Here:
    """The student's function gets the very objects: a copy of a stand-in would be another GPU."""

    def __init__(self, answer, arguments):
        self.answer, self.arguments = answer, arguments
        self.__name__ = getattr(answer, "__name__", "answer")

    def __call__(self):
        return self.answer(*self.arguments)

    def __deepcopy__(self, memo):
        return self


def _plain(result):
    """Copied at once: what happens to the buffers later must not change it."""
    return np.array(result) if isinstance(result, np.ndarray) else result if result is None else str(type(result))


def _error(answer, *arguments) -> str:
    """Name of the exception that comes out, "" for none."""
    try:
        call(_Here(answer, arguments))
    except AnswerRaised as error:
        return type(error.__cause__).__name__
    return ""


# What the stand-in noticed -> (advice, cause).
_ADVICE = {
    "stream was destroyed": (
        (
            "A handle is a number, and means nothing after the stream is gone. PyCUDA destroys a stream with its object: keep the object,"
            " and use it until the wait is over. Destroy only a stream that you made."
        ),
        "stream used after destroying",
    ),
    "a second time": ("Free every block once.", "freed twice"),
    "nobody waited": (
        (
            "A name for every buffer, and stream.synchronize() after the last copy; that all is right without it on some machine is luck:"
            " freeing may wait."
        ),
        "no synchronize",
    ),
    "still queued": ("Wait for the stream before you free.", "freed before the wait"),
    "other way round": (
        (
            "Device memory has an address of its own (int(memory)); the array's lies in the host's memory. Copy in: host to device, before"
            " the run; copy out: device to host, after it."
        ),
        "direction or address",
    ),
    "was freed": (
        (
            "An address is a number, and means nothing after its memory is gone. PyCUDA frees memory with its object: keep the object."
            " Memory must live until the stream has done its work."
        ),
        "used after freeing",
    ),
    "page-locked": (
        (
            "The GPU copies by itself only from memory that cannot be swapped out; from other memory the driver makes a copy first, and"
            " 'async' means nothing."
        ),
        "not page-locked",
    ),
    "may not have arrived": (
        "cuStreamSynchronize(0) after the copy in: 0 is the default stream, in which the plain copy runs.",
        "copy in not waited for",
    ),
    "in another stream": (
        "All three steps go into one stream: execute_async_v3 gets the handle of the stream that you copy in.",
        "another stream",
    ),
    "no stream": ("Give the stream that you copy in: stream.handle for PyCUDA.", "another stream"),
    "no address": ("set_tensor_address once for each tensor, outputs too.", "address not set"),
    "one of the host": ("set_tensor_address wants int(device memory).", "address of the host"),
    "are needed": ("Memory is asked for in bytes: array.nbytes, not array.size.", "wrong byte count"),
    "is none": ("set_tensor_address wants int(device memory), or an address inside of it.", "no memory there"),
}


def judge(inputs: dict, outputs: dict) -> None:
    """Numbers and wrong use, case by case; CheckFailed with the likely cause."""
    for i, (x, got) in enumerate(zip(inputs["x"], outputs["logits"], strict=False)):
        shown = f"{len(x)} picture(s)" + (" after an earlier call" if i else "")
        for noticed in outputs["wrong"][i]:
            advice, cause = next((a for words, a in _ADVICE.items() if words in noticed), ("", "wrong use"))
            require(False, f"{shown}: {noticed}. {advice}", cause)
        want = x.reshape(len(x), -1) @ inputs["weights"]
        got = array(got, f"the result for {shown}", shape=want.shape)
        _right(inputs, outputs, shown, got, want, i)
    said = outputs["too_many"]
    require(
        said != "",
        f"{inputs['largest'] + 1} pictures, and the profile ends at {inputs['largest']}: a result came back. set_input_shape returns False"
        " then, and the context keeps its old shape: look at it and raise ValueError.",
        "profile exceeded",
    )
    require(
        said == "ValueError",
        f"{inputs['largest'] + 1} pictures, and the profile ends at {inputs['largest']}: {said}, expected ValueError. Look at what"
        " set_input_shape returns, before anything else.",
        "profile exceeded",
    )
    require(
        outputs["failing"] == "RuntimeError",
        f"an engine that cannot run: {outputs['failing'] or 'a result came back'}, expected RuntimeError. execute_async_v3 returns False"
        " and raises nothing; what is in the buffer then is from before.",
        "failed run not noticed",
    )


def _right(inputs, outputs, shown, got, want, i) -> None:
    if np.allclose(got, want, rtol=1e-4, atol=1e-4):
        return
    poison = np.frombuffer(b"\xa5" * 4, np.float32)[0]
    order = outputs["order"][i]
    untouched = np.isclose(got, poison, rtol=1e-3).all() or not np.abs(got).max() > 1e-12
    before = "copy out" in order and "execute" in order and order.index("copy out") < order.index("execute")
    require("execute" in order, f"{shown}: the engine was never run (execute_async_v3).", "engine not run")
    require("copy in" in order, f"{shown}: the engine ran on device memory that nothing was copied into.", "input not copied")
    require("copy out" in order, f"{shown}: nothing was copied back from the device.", "output not copied")
    require(not before, f"{shown}: the output was copied before the run was queued: that is what lay there before.", "stale output")
    late = order.index("copy out") if "wait" not in order else order.index("wait")
    require(
        "wait" in order,
        f"{shown}: these are not the results: the work was queued, and nobody waited for it. synchronize the stream before you read.",
        "no synchronize",
    )
    require(
        not (untouched and late < order.index("execute")),
        f"{shown}: the stream was waited for before the run was queued.",
        "waits too early",
    )
    last = len(order) - 1 - order[::-1].index("wait")
    require(order.index("execute") < last, f"{shown}: the wait stands before the work that it should wait for.", "waits too early")
    require(
        False,
        f"{shown}: the numbers are wrong (largest difference {np.abs(got - want).max():.3g}); what ran was {', '.join(order)}. The result"
        " must be what the stream has finished, whole and in order.",
        "wrong numbers",
    )
