"""Right answers in other words to `sensitivity`, lab 05b."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "ONNX Runtime's own measure, lists",
        """
def sensitivity(path, layers, make_calibration, x):
    from onnxruntime.quantization.qdq_loss_debug import compute_signal_to_quantization_noice_ratio as sqnr
    rows, before = [], run(path, x)
    for layer in layers:
        file = work / f"{layer}.onnx"
        quantization.quantize(path, file, make_calibration(), only=[layer])
        rows.append([layer, sqnr(before, run(file, x))])
    rows.sort(key=lambda row: row[1])
    return rows
""",
    ),
    Right(
        "lengths in torch, pairs turned round to sort",
        """
def sensitivity(path, layers, make_calibration, x):
    import torch
    clean = torch.from_numpy(run(path, x))
    def decibels(layer):
        quantization.quantize(path, work / "t.onnx", make_calibration(), only=(layer,))
        return 20 * torch.log10(clean.norm() / (torch.from_numpy(run(work / "t.onnx", x)) - clean).norm())
    return [(layer, value) for value, layer in sorted((decibels(layer), layer) for layer in layers)]
""",
    ),
    Right(
        "means, a dict, in batches",
        """
def sensitivity(path, layers, make_calibration, x):
    def outputs(file):
        return np.concatenate([run(file, part) for part in np.array_split(x, 3)]).astype(np.float64)
    reference, found = outputs(path), {}
    for layer in layers:
        quantization.quantize(path, work / "d.onnx", make_calibration(), only=[layer])
        found[layer] = -10 * np.log10(np.mean((outputs(work / "d.onnx") - reference) ** 2) / np.mean(reference**2))
    return tuple(sorted(found.items(), key=lambda item: item[1]))
""",
    ),
]
