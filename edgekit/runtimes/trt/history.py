"""What code written for older TensorRT names, and what one writes today. Every row is held against the real bindings by
tests/test_trt_contract.py: where the old name still is, and that the new one is in all of them."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit.formatting import ShownAsTable

# The columns of `Change.still_in`, oldest first, and where each is found.
VERSIONS = {"10.3.0": "JetPack 6.2", "10.16.1.11": "JetPack 7.2", "11.4.0.106": "GPU box", "rtx 1.7.1.116": "ahead of time"}


@dataclass(frozen=True)
class Change:
    """task: what one wants. old, today: names as "Class.member"; several of today's joined by " + ", "" for none. still_in: per version of
    VERSIONS, "1" where the old name is still there. why: one sentence."""

    task: str
    old: str
    today: str
    still_in: str
    why: str


_TYPED = "NetworkDefinitionCreationFlag.STRONGLY_TYPED"
CHANGES = (
    Change(
        "limit scratch memory",
        "IBuilderConfig.max_workspace_size",
        "IBuilderConfig.set_memory_pool_limit",
        "0000",
        "there is more than one pool of memory",
    ),
    Change(
        "build",
        "Builder.build_engine",
        "Builder.build_serialized_network + Runtime.deserialize_cuda_engine",
        "0000",
        "building and running are two machines' work",
    ),
    Change(
        "build",
        "Builder.build_cuda_engine",
        "Builder.build_serialized_network + Runtime.deserialize_cuda_engine",
        "0000",
        "settings moved to a config object",
    ),
    Change(
        "set the batch size", "Builder.max_batch_size", "IOptimizationProfile.set_shape", "0000", "the batch is a dimension like the others"
    ),
    Change(
        "say that the batch is a dimension",
        "NetworkDefinitionCreationFlag.EXPLICIT_BATCH",
        _TYPED,
        "1100",
        "it always is one; what one says now is that types come from the model",
    ),
    Change("allow float16", "BuilderFlag.FP16", _TYPED, "1100", "a float16 model, instead of a float32 model and permission"),
    Change("allow int8", "BuilderFlag.INT8", _TYPED + " + INetworkDefinition.add_quantize", "1100", "the model says where with Q/DQ nodes"),
    Change(
        "calibrate int8",
        "IInt8EntropyCalibrator2",
        "INetworkDefinition.add_quantize + INetworkDefinition.add_dequantize",
        "1100",
        "scales are made before TensorRT and stand in the model",
    ),
    Change(
        "calibrate int8",
        "IBuilderConfig.int8_calibrator",
        "INetworkDefinition.add_quantize + INetworkDefinition.add_dequantize",
        "1100",
        "scales are made before TensorRT and stand in the model",
    ),
    Change("force a layer's precision", "ILayer.precision", _TYPED + " + INetworkDefinition.add_cast", "1100", "a Cast in the model"),
    Change("ask for fast float16", "Builder.platform_has_fast_fp16", "", "1100", "every GPU that is still supported has it"),
    Change(
        "count inputs and outputs",
        "ICudaEngine.num_bindings",
        "ICudaEngine.num_io_tensors",
        "0000",
        "tensors have names, bindings had numbers",
    ),
    Change(
        "name of an input",
        "ICudaEngine.get_binding_name",
        "ICudaEngine.get_tensor_name",
        "0000",
        "tensors have names, bindings had numbers",
    ),
    Change(
        "is it an input?", "ICudaEngine.binding_is_input", "ICudaEngine.get_tensor_mode", "0000", "tensors have names, bindings had numbers"
    ),
    Change(
        "type of an input",
        "ICudaEngine.get_binding_dtype",
        "ICudaEngine.get_tensor_dtype",
        "0000",
        "tensors have names, bindings had numbers",
    ),
    Change(
        "set an input's shape",
        "IExecutionContext.set_binding_shape",
        "IExecutionContext.set_input_shape",
        "0000",
        "tensors have names, bindings had numbers",
    ),
    Change(
        "run, asynchronously",
        "IExecutionContext.execute_async_v2",
        "IExecutionContext.set_tensor_address + IExecutionContext.execute_async_v3",
        "0000",
        "addresses are set once, not passed at each call",
    ),
    Change("scratch memory of an engine", "ICudaEngine.device_memory_size", "ICudaEngine.device_memory_size_v2", "1100", "64 bits"),
    Change(
        "choose tactics",
        "IBuilderConfig.algorithm_selector",
        "IBuilderConfig.set_timing_cache",
        "1100",
        "an editable timing cache fixes a tactic",
    ),
)


class ChangeTable(ShownAsTable, list):
    """CHANGES that print as a table; "yes" where the old name is still there."""

    def rows(self) -> list[list[str]]:
        presence = lambda change: ["yes" if bit == "1" else "-" for bit in change.still_in]
        return [[c.task, c.old, *presence(c), c.today or "(nothing)", c.why] for c in self]

    def head(self) -> list[str]:
        return ["what one wants", "old name", *VERSIONS, "today, in all four", "because"]

    def __str__(self) -> str:
        lines = [self.head(), *self.rows()]
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        return "\n".join("  ".join(f"{cell:<{w}}" for cell, w in zip(line, widths, strict=True)) for line in lines)

    def _table(self) -> tuple:
        return self.head(), self.rows()

    def _below(self) -> list[str]:
        return [", ".join(f"{version}: {found}" for version, found in VERSIONS.items())]


def history() -> ChangeTable:
    """Old names beside today's."""
    return ChangeTable(CHANGES)
