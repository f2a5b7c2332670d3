"""Wrong answers to `export_qdq`, lab 07a."""

from tests.mistakes import Mistake

_EXPORT = """
def export_qdq(model, path):
    {before}
    torch.onnx.export({model}, (torch.rand(2, 1, 28, 28),), path, {names}{axes}{more})
"""


_NAMES = 'input_names=["input"], output_names=["logits"], '


_AXES = 'dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}}, '


def _export(before="pass", model="model.eval()", names=_NAMES, axes=_AXES, more="dynamo=False"):
    return _EXPORT.format(before=before, model=model, names=names, axes=axes, more=more)


MISTAKES = [
    Mistake("fake quantization disabled", _export(before='mtq.disable_quantizer(model, "*")'), says="quantizers enabled"),
    Mistake("weights folded", _export(before="mtq.fold_weight(model)"), says="quantizers enabled"),
    Mistake(
        "only inputs' quantizers disabled",
        _export(before='mtq.disable_quantizer(model, "*input_quantizer")'),
        says="take their input without",
    ),
    Mistake("batch left static", _export(axes=""), says="dynamic_axes"),
    Mistake("no names", _export(names="", axes=""), says="input_names"),
    Mistake(
        "training mode kept",
        _export(model="model.train()", more="dynamo=False, training=torch.onnx.TrainingMode.PRESERVE"),
        says="training mode",
    ),
    Mistake(
        "ranges far too wide",
        _export(
            before=(
                "[setattr(m.input_quantizer, 'amax', m.input_quantizer.amax * 300) for m in model.modules() if hasattr(m,"
                " 'input_quantizer') and m.input_quantizer.amax is not None]"
            )
        ),
        says="differs from the quantized model",
    ),
    Mistake("softmax behind the logits", _export(model="nn.Sequential(model, nn.Softmax(1)).eval()"), says="a softmax for one"),
    Mistake("newer exporter", _export(more=""), says="pass dynamo=False"),
    Mistake(
        "height and width dynamic too",
        _export(axes='dynamic_axes={"input": {0: "batch", 2: "h", 3: "w"}, "logits": {0: "batch"}}, '),
        says="only dimension 0",
    ),
]
