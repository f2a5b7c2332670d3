"""A stand-in for a GPU, in plain Python: the parts of PyCUDA, cuda-python and TensorRT that one inference needs.

It is there for machines without a GPU. Memory "on the device" is bytes with addresses of their own, filled with 0xA5 and never with zeros,
so that an output that nobody wrote shows. A stream is a queue that runs when somebody waits, and not before. A plain copy in from ordinary
memory has its bytes when it returns, and may arrive later (CUDA Driver API, "API synchronization behavior"). Wrong use is written down in
``wrong``, use of memory and streams that are gone among it, and what was not given back is counted. Its "engine" is one matrix product. It
has no clock and no kernels, and it says nothing about speed.

    gpu = FakeGpu()
    trt, plan = tensorrt(gpu, weights, largest=32)
    answer(pycuda_driver(gpu), context, x)      # or cuda_python_driver(gpu), gpu.stream()
    gpu.wrong, gpu.left()
"""

from edgekit.checks.fake_gpu.cuda_python import cuda_python_driver
from edgekit.checks.fake_gpu.engine import tensorrt
from edgekit.checks.fake_gpu.memory import FakeGpu
from edgekit.checks.fake_gpu.pycuda import pycuda_driver

__all__ = ["FakeGpu", "cuda_python_driver", "pycuda_driver", "tensorrt"]
