"""What stands for cuda-python's module cuda.bindings.driver: every function returns (error, values ...)."""

from __future__ import annotations

from enum import IntEnum
from types import SimpleNamespace

from edgekit.checks.fake_gpu.memory import FakeGpu
from edgekit.checks.stand_in import StandIn


class CUresult(IntEnum):
    CUDA_SUCCESS = 0
    CUDA_ERROR_INVALID_VALUE = 1
    CUDA_ERROR_OUT_OF_MEMORY = 2
    CUDA_ERROR_INVALID_HANDLE = 400


class CUdeviceptr(StandIn):
    _library = "cuda-python"

    def __init__(self, address):
        self.address = address

    def __int__(self):
        return self.address

    __index__ = __int__


def _result(fine: bool, otherwise: CUresult = CUresult.CUDA_ERROR_INVALID_VALUE) -> tuple[CUresult]:
    return (CUresult.CUDA_SUCCESS if fine else otherwise,)


def cuda_python_driver(gpu: FakeGpu, fail: str = "") -> SimpleNamespace:
    """fail: "cuMemAlloc" has no memory for the second block."""

    def cuMemAlloc(bytesize):
        if fail == "cuMemAlloc" and len(gpu.blocks) == 1:
            return CUresult.CUDA_ERROR_OUT_OF_MEMORY, CUdeviceptr(0)
        return CUresult.CUDA_SUCCESS, CUdeviceptr(gpu.take(bytesize))

    def cuCtxSynchronize():
        gpu.wait_for_all()
        return _result(True)

    return SimpleNamespace(
        __name__="cuda.bindings.driver (stand-in)",
        CUresult=CUresult,
        CUdeviceptr=CUdeviceptr,
        cuMemAlloc=cuMemAlloc,
        cuMemFree=lambda dptr: _result(gpu.give_back(int(dptr))),
        cuMemcpyHtoD=lambda dstDevice, srcHost, ByteCount: _result(gpu.copy(True, int(dstDevice), int(srcHost), ByteCount)),
        cuMemcpyDtoH=lambda dstHost, srcDevice, ByteCount: _result(gpu.copy(False, int(srcDevice), int(dstHost), ByteCount)),
        cuMemcpyHtoDAsync=lambda dstDevice, srcHost, ByteCount, hStream: _result(
            gpu.copy(True, int(dstDevice), int(srcHost), ByteCount, hStream)
        ),
        cuMemcpyDtoHAsync=lambda dstHost, srcDevice, ByteCount, hStream: _result(
            gpu.copy(False, int(srcDevice), int(dstHost), ByteCount, hStream)
        ),
        cuStreamCreate=lambda Flags: (CUresult.CUDA_SUCCESS, gpu.stream(blocking=not int(Flags) & 1)),
        cuStreamDestroy=lambda hStream: _result(gpu.destroy(int(hStream)), CUresult.CUDA_ERROR_INVALID_HANDLE),
        cuStreamSynchronize=lambda hStream: _result(gpu.wait(hStream), CUresult.CUDA_ERROR_INVALID_HANDLE),
        cuCtxSynchronize=cuCtxSynchronize,
    )
