"""Imported by the sandbox's warm process before any model comes: what every judgement imports, and what is the same for all of them."""

import contextlib

import numpy.polynomial  # NumPy imports it at its first use

from edgekit import bench, device, runtimes
from edgekit.capstone import inside, memory
from edgekit.graphs import planning, reading
from edgekit.runtimes import trt
from edgekit.runtimes.ort import runner, session

WARM = (bench.compare, bench.footprint, inside, memory, planning, reading, runner, runtimes.load, session, numpy.polynomial)
with contextlib.suppress(ImportError, runtimes.RunnerError):
    trt.api()
device.environment()  # keeps the versions and the machine; reads files, computes nothing
