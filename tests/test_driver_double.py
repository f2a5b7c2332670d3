"""The TensorRT runner's use of the GPU's driver, over a double of it: real cuda-python (and PyCUDA where it is installed), no GPU.

The mutation table puts a fault into memory.py or runner.py and says which scenario finds it; one that no scenario finds fails the test.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests import driver_double

pytestmark = pytest.mark.skipif(not shutil.which("cc") and not shutil.which("gcc"), reason="no C compiler")

# what is wrong -> (file, text, what stands there instead, the scenario that finds it)
MUTATIONS = {
    "no wait after a call": (
        "runner",
        "self._memory.synchronize(self._stream)\n        results",
        "results",
        "calls_give_the_right_numbers",
    ),
    "no wait when only computing": (
        "runner",
        "self._memory.synchronize(self._stream)\n            return self._last[1]",
        "return self._last[1]",
        "a_call_leaves_nothing_in_the_stream",
    ),
    "output copied before the run": (
        "runner",
        "if copies:\n            self._enqueue_inputs()",
        "if copies:\n            self._enqueue_inputs(); self._enqueue_outputs(); copies = False",
        "calls_give_the_right_numbers",
    ),
    "result not copied for the caller": (
        "runner",
        "self._buffers[name].host_view.copy()",
        "self._buffers[name].host_view",
        "results_belong_to_the_caller",
    ),
    "buffers for the usual shape, not the largest": ("runner", "(_, _, largest) in", "(_, largest, _) in", "calls_give_the_right_numbers"),
    "half of the bytes": (
        "memory",
        "host.ctypes.data, allocation, host.nbytes",
        "host.ctypes.data, allocation, host.nbytes // 2",
        "calls_give_the_right_numbers",
    ),
    "copy in the wrong direction": (
        "memory",
        '"cuMemcpyHtoDAsync", allocation, host.ctypes.data',
        '"cuMemcpyDtoHAsync", host.ctypes.data, allocation',
        "calls_give_the_right_numbers",
    ),
    "host memory not page-locked": (
        "memory",
        "return np.ctypeslib.as_array((ctypes.c_uint8 * nbytes).from_address(address))",
        "return np.zeros(nbytes, np.uint8)",
        "calls_give_the_right_numbers",
    ),
    "device memory not freed": ("runner", "self._memory.free_device(self.device)", "pass", "calls_give_the_right_numbers"),
    "host memory kept when the device has none": (
        "runner",
        "            memory.free_host(self._host)\n",
        "            pass\n",
        "out_of_memory_everywhere",
    ),
    "events kept": ("runner", "memory.forget(event)", "pass", "phases_in_another_thread"),
    "old graph kept": ("runner", "self._graph.close()", "pass", "calls_give_the_right_numbers"),
    "graph kept after its executable was made": (
        "memory",
        "        finally:\n            self._cuda.cuGraphDestroy(graph)",
        "        finally:\n            pass",
        "calls_give_the_right_numbers",
    ),
    "graph kept when the capture fails": (
        "memory",
        "            if graph:\n                self._cuda.cuGraphDestroy(graph)",
        "",
        "a_capture_that_fails_leaves_no_graph",
    ),
    "stream left in capture mode": (
        "memory",
        "            self._cuda.cuStreamEndCapture(self._stream, ctypes.byref(graph))\n            if graph:",
        "            if graph:",
        "a_capture_that_fails_leaves_no_graph",
    ),
    "a stream that waits for the default stream": (
        "memory",
        "_NON_BLOCKING = 1",
        "_NON_BLOCKING = 0",
        "a_capture_survives_the_default_stream",
    ),
    "context retained by every runner": ("memory", "if key not in _contexts:", "if True:", "a_context_is_retained_once"),
    "context not popped": ("memory", 'self._ask("cuCtxPopCurrent")', "pass", "calls_give_the_right_numbers"),
    "a closed runner runs": ("runner", "        super().close()\n        with", "        with", "a_twin_outlives_its_runner"),
    "always GPU 0": ("memory", '"cuDeviceGet", index', '"cuDeviceGet", 0', "everything_lies_on_the_gpu_asked_for"),
    "engine deserialized on whatever GPU is current": (
        "runner",
        "with self._memory.active():  # an engine",
        "if True:  # an engine",
        "everything_lies_on_the_gpu_asked_for",
    ),
    "a dropped runner stays open": ("runner", "def __del__(self)", "def _del(self)", "a_runner_that_is_dropped_is_closed"),
    "contexts released before what is in them": ("memory", "        user.close()", "        pass", "the_end_of_the_process"),
    "no context when closed in another thread": (
        "runner",
        "        super().close()\n        with self._memory.active():\n            self._free()",
        "        super().close()\n        self._free()",
        "calls_give_the_right_numbers",
    ),
}


# Freeing waits for what is queued, on most drivers and here: without a wait of its own the answer is right by luck, which the check does
# not count.
BY_LUCK = {
    "pycuda": {
        "wrong: no synchronize",
        "wrong: synchronize before the copy back",
        "wrong: buffers freed before the wait",
        "wrong: the host's buffer goes before the wait",
    },
    "cuda-python": {"wrong: freed before the run is done"},
}
HOW = {"pycuda": "python -m tests.driver_double.pycuda builds it for the double", "cuda-python": "it comes with PyTorch's CUDA wheels"}
kinds = pytest.mark.parametrize("kind", ["cuda-python", "pycuda"])


def needs(kind: str) -> None:
    if kind not in driver_double.over_the_double():
        pytest.skip(f"{kind} is not there: {HOW[kind]}")


@kinds
def test_the_labs_answers_with_the_real_binding(kind, capsys):
    """What lab 06b's check says over its stand-in in plain Python, the real PyCUDA and cuda-python say over the driver double."""
    needs(kind)
    done = driver_double.run("-m", "tests.driver_double.answers", kind)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    found = dict(line.split("\t") for line in done.stdout.splitlines())
    with capsys.disabled():
        print(f"\nanswers of lab 06b with the real {kind}, and what was noticed over the driver double")
        for what, said in found.items():
            print(f"  {what:58} -> {said[:90] or 'nothing'}")
    assert len(found) > 10 and not [said for said in found.values() if said.startswith("FAULT OF THE TEST")]
    assert {what for what, said in found.items() if what.startswith("right: ") and said} == set()
    assert {what for what, said in found.items() if what.startswith("wrong: ") and not said} == BY_LUCK[kind]


@kinds
def test_every_scenario(kind):
    needs(kind)
    done = driver_double.run("-m", "tests.driver_double.scenarios", kind)
    *lines, last = done.stdout.splitlines() or [""]
    assert all(line.startswith("ok ") for line in lines), done.stdout + done.stderr[-2000:]
    assert done.returncode == 0 and last == f"done {len(lines)}", done.stdout + done.stderr[-2000:]
    assert len(lines) >= 15


@pytest.mark.skipif("cuda-python" not in driver_double.KINDS, reason="cuda-python is not installed")
def test_every_fault_is_found(capsys):
    def found_by(fault):
        file, old, new, _ = MUTATIONS[fault]
        done = driver_double.run("-m", "tests.driver_double.scenarios", "cuda-python", file, old, new)
        assert done.returncode in (0, -6, -11), f"{fault}: {done.stderr[-800:]}"
        failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED ")]
        return failed[0].removeprefix("FAILED ") if failed else f"crash {done.returncode}" if done.returncode else ""

    with ThreadPoolExecutor(2) as pool:
        answers = dict(zip(MUTATIONS, pool.map(found_by, MUTATIONS), strict=True))
    with capsys.disabled():
        print("\nfaults put back into the TensorRT runner, and what found them over the driver double")
        for fault, answer in answers.items():
            print(f"  {fault:48} -> {answer[:110] or 'NOT FOUND'}")
    wrong = {f: a for f, a in answers.items() if not a.startswith(MUTATIONS[f][3])}
    assert not wrong, f"not found, or by another scenario than the table says: {wrong}"


def test_what_the_double_lacks_is_said_by_name():
    code = (
        "import ctypes; c = ctypes.CDLL('libcuda.so.1'); c.double_wrong.restype = ctypes.c_char_p\n"
        "print(c.cuLaunchKernel(), c.double_wrong().decode())"
    )
    assert driver_double.run("-c", code).stdout == "801 cuLaunchKernel: the double does not have it\n\n"
