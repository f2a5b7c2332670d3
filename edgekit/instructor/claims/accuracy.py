"""What a format costs in right answers. Each function returns an Outcome."""

from __future__ import annotations

from edgekit.instructor.claims.outcome import CONDITIONS, HOLDS, Outcome, holds_if, measures


@measures
def ptq_drop_small(shared) -> Outcome:
    change = shared.change(shared.int8["edgecnn"])
    return Outcome(HOLDS if change.low > -0.01 else CONDITIONS, f"EdgeCNN, INT8: {change}")


@measures
def fp16_without_calibration(shared) -> Outcome:
    change = shared.change(shared.fp16["edgecnn"])
    return holds_if(change.low > -0.005, f"EdgeCNN, FP16 without calibration: {change}")


@measures
def per_channel_better(shared) -> Outcome:
    from edgekit.plots.explorer import quantized
    from edgekit.zoo.models import load_checkpoint

    gains = {}
    for name, weight in load_checkpoint("edgecnn").state_dict().items():
        if weight.ndim == 4:
            w = weight.numpy()
            both = [quantized(w, 8, 1.0, "symmetric", per_channel=way).sqnr for way in (False, True)]
            gains[name] = both[1] - both[0]
    best = max(gains, key=gains.get)
    return holds_if(
        min(gains.values()) > -0.1,
        f"EdgeCNN's weights, 8 bits: up to {gains[best]:.1f} dB better ({best}), nowhere worse than {min(gains.values()):.1f} dB",
    )
