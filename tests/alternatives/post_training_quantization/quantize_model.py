"""Right answers in other words to `quantize_model`, lab 05b."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "by a configuration",
        """
def quantize_model(path_in, path_out, reader):
    from onnxruntime.quantization import StaticQuantConfig, quantize
    prepared = Path(path_in).with_suffix(".inferred.onnx")
    quant_pre_process(input_model=str(path_in), output_model_path=str(prepared), auto_merge=True)
    quantize(str(prepared), str(path_out), StaticQuantConfig(
        reader, calibrate_method=CalibrationMethod.MinMax, quant_format=QuantFormat.QDQ, activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8, per_channel=True, reduce_range=False))
""",
    ),
    Right(
        "a temporary folder, models in memory",
        """
def quantize_model(path_in, path_out, reader):
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(onnx.load(path_in), prepared, skip_symbolic_shape=True)
        quantize_static(model_input=onnx.load(prepared), model_output=Path(path_out), calibration_data_reader=reader,
                        activation_type=QuantType.QUInt8, per_channel=True)
""",
    ),
    Right(
        "float biases, symmetric, pairs of their own",
        """
def quantize_model(path_in, path_out, reader):
    prepared = Path(path_in).parent / "p.onnx"
    quant_pre_process(path_in, prepared)
    quantize_static(prepared, path_out, reader, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, per_channel=True,
                    extra_options={"QuantizeBias": False, "ActivationSymmetric": True, "DedicatedQDQPair": True})
    prepared.unlink()
""",
    ),
    Right(
        "quantized elsewhere, then copied",
        """
def quantize_model(path_in, path_out, reader):
    import shutil
    from functools import partial
    u8s8 = partial(quantize_static, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, per_channel=True)
    quant_pre_process(str(path_in), str(path_in) + "_1")
    u8s8(str(path_in) + "_1", str(path_in) + "_2", reader)
    shutil.copy(str(path_in) + "_2", path_out)
""",
    ),
]
