"""Right answers in other words to `quantize_for_trt`, lab 06a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "defaults left out, keywords, strings",
        """
def quantize_for_trt(source, target, reader):
    quantize_static(model_input=str(source), model_output=str(target), calibration_data_reader=reader, per_channel=True,
                    extra_options=dict(ActivationSymmetric=True, WeightSymmetric=True, QuantizeBias=False))
""",
    ),
    Right(
        "a StaticQuantConfig",
        """
def quantize_for_trt(source, target, reader):
    from onnxruntime.quantization import StaticQuantConfig, quantize
    config = StaticQuantConfig(reader, quant_format=QuantFormat.QDQ, activation_type=QuantType.QInt8,
        weight_type=QuantType.QInt8, per_channel=True,
                               extra_options={"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False})
    quantize(source, target, config)
""",
    ),
    Right(
        "entropy, only the layers that multiply, weights through a Q/DQ pair",
        """
def quantize_for_trt(source, target, reader):
    from onnxruntime.quantization import CalibrationMethod
    quantize_static(onnx.load(source), target, reader, per_channel=True, calibrate_method=CalibrationMethod.Entropy,
        op_types_to_quantize=["Conv", "Gemm", "MatMul"],
                    extra_options={"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False,
                        "AddQDQPairToWeight": True, "DedicatedQDQPair": True})
""",
    ),
    Right(
        "seven bits, moving average",
        """
def quantize_for_trt(source, target, reader):
    quantize_static(source, target, reader, per_channel=True, reduce_range=True,
                    extra_options={"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False, "CalibMovingAverage": True})
""",
    ),
    Right(
        "preprocessed first",
        """
def quantize_for_trt(source, target, reader):
    from onnxruntime.quantization.shape_inference import quant_pre_process
    ready = Path(target).with_name("ready.onnx")
    quant_pre_process(str(source), str(ready))
    quantize_static(ready, target, reader, per_channel=True, extra_options={"ActivationSymmetric": True, "WeightSymmetric": True,
        "QuantizeBias": False})
""",
    ),
]
