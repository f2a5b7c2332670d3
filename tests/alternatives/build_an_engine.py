from tests.alternatives import Right

RIGHT = {
    "build_network": [
        Right(
            "bytes instead of a path, the enum's value, early return",
            """
def build_network(trt, logger, path):
    network = trt.Builder(logger).create_network(flags=1 << trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED.value)
    parser = trt.OnnxParser(network, logger)
    if parser.parse(path.read_bytes()):
        return network, []
    errors = []
    for i in range(parser.num_errors):
        error = parser.get_error(i)
        errors.append([error.node_operator(), error.node_name()])
    return [network, errors]
""",
        ),
        Right(
            "context managers, as in older examples",
            """
def build_network(trt, logger, path):
    flag = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    with trt.Builder(logger) as builder, builder.create_network(flag) as network, trt.OnnxParser(network, logger) as parser:
        with open(path, "rb") as file:
            parser.parse(file.read())
        return network, tuple((parser.get_error(i).node_operator(), parser.get_error(i).node_name()) for i in range(parser.num_errors))
""",
        ),
        Right(
            "keywords, a power of two, map",
            """
def build_network(trt, logger, path):
    import operator
    builder = trt.Builder(logger=logger)
    network = builder.create_network(2 ** operator.index(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    network.name = path.stem
    parser = trt.OnnxParser(network=network, logger=logger)
    parser.parse_from_file(path.as_posix())
    return network, [(e.node_operator(), e.node_name()) for e in map(parser.get_error, range(parser.num_errors))]
""",
        ),
    ],
    "batch_profile": [
        Right("statistics, lists", "def batch_profile(batches, image):\n    import statistics\n    return [[b, *image] for b in (min(batches), statistics.mode(batches), max(batches))]\n"),
        Right("one array with three rows", "def batch_profile(batches, image):\n    values, counts = np.unique(batches, return_counts=True)\n    return np.array([[b, *image] for b in (values[0], values[counts.argmax()], values[-1])])\n"),
        Right("three arrays", "def batch_profile(batches, image):\n    opt = np.bincount(batches).argmax()\n    return tuple(np.array((b,) + image) for b in (np.min(batches), opt, np.max(batches)))\n"),
        Right("torch.Size", "def batch_profile(batches, image):\n    import torch\n    t = torch.tensor(batches)\n    return tuple(torch.Size([int(v), *image]) for v in (t.min(), t.mode().values, t.max()))\n"),
        Right(
            "a named tuple, counted by hand",
            """
def batch_profile(batches, image):
    from collections import namedtuple
    seen = {}
    for b in batches:
        seen[b] = seen.get(b, 0) + 1
    ordered = sorted(seen)
    shapes = [(b, *image) for b in (ordered[0], max(seen, key=seen.get), ordered[-1])]
    return namedtuple("Profile", "min opt max")(*shapes)
""",
        ),
    ],
    "quantize_for_trt": [
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
    config = StaticQuantConfig(reader, quant_format=QuantFormat.QDQ, activation_type=QuantType.QInt8, weight_type=QuantType.QInt8, per_channel=True,
                               extra_options={"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False})
    quantize(source, target, config)
""",
        ),
        Right(
            "entropy, only the layers that multiply, weights through a Q/DQ pair",
            """
def quantize_for_trt(source, target, reader):
    from onnxruntime.quantization import CalibrationMethod
    quantize_static(onnx.load(source), target, reader, per_channel=True, calibrate_method=CalibrationMethod.Entropy, op_types_to_quantize=["Conv", "Gemm", "MatMul"],
                    extra_options={"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False, "AddQDQPairToWeight": True, "DedicatedQDQPair": True})
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
    quantize_static(ready, target, reader, per_channel=True, extra_options={"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False})
""",
        ),
    ],
    "refuses": [
        Right(
            "a table",
            """
def refuses(plan, header, machine):
    short = len(plan) < header["bytes"]
    answers = {
        "cut short": short,
        "altered": not short and hashlib.new("sha256", plan).hexdigest() != header["sha256"],
        "other version": header["version"] != machine["version"],
        "other GPU": machine["capability"] not in [None, *header["targets"]],
    }
    return [reason for reason, is_so in answers.items() if is_so]
""",
        ),
        Right(
            "a tuple, the raw digest, version in parts",
            """
def refuses(plan, header, machine):
    import hmac
    out = ()
    if header["bytes"] > len(plan):
        out += ("cut short",)
    elif not hmac.compare_digest(hashlib.sha256(plan).digest(), bytes.fromhex(header["sha256"])):
        out += ("altered",)
    if machine["version"].split(".") != header["version"].split("."):
        out += ("other version",)
    card = machine.get("capability")
    if card and not any(card == target for target in header["targets"]):
        out += ("other GPU",)
    return out
""",
        ),
        Right(
            "filter",
            """
def refuses(plan, header, machine):
    whole = len(plan) == header["bytes"] and hashlib.sha256(plan).hexdigest() == header["sha256"]
    broken = "" if whole else "cut short" if len(plan) < header["bytes"] else "altered"
    stale = "" if machine["version"] == header["version"] else "other version"
    alien = "other GPU" if machine["capability"] is not None and header["targets"].count(machine["capability"]) == 0 else ""
    return list(filter(None, (broken, stale, alien)))
""",
        ),
    ],
    "choose_targets": [
        Right(
            "two loops, lists",
            """
def choose_targets(fleet, available):
    targets, left_out = [], []
    for capability in available:
        if capability in fleet:
            targets.append(capability)
    for capability in fleet:
        if capability not in available and capability not in left_out:
            left_out.append(capability)
    return [targets, left_out]
""",
        ),
        Right("sets, sorted by place", "def choose_targets(fleet, available):\n    return sorted(set(fleet) & set(available), key=available.index), list(set(fleet).difference(available))\n"),
        Right("tuples", "def choose_targets(fleet, available):\n    kinds = dict.fromkeys(fleet)\n    return tuple(c for c in available if c in kinds), tuple(c for c in kinds if c not in available)\n"),
        Right("NumPy", "def choose_targets(fleet, available):\n    have, wanted = np.array(available), np.unique(fleet)\n    return list(have[np.isin(have, wanted)]), np.setdiff1d(wanted, have).tolist()\n"),
        Right("Counter", "def choose_targets(fleet, available):\n    count = Counter(fleet)\n    return [c for c in available if count[c]], [*(count.keys() - {*available})]\n"),
    ],
}  # fmt: skip
