"""Right answers in other words to `round_trip`, lab 05c."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "torch",
        """
def round_trip(values):
    import torch
    v = torch.from_numpy(values)
    back = v.half().float()
    over, gone = back.isinf(), back == 0
    rest = ~over & ~gone
    error = ((back - v).abs() / v.abs())[rest]
    return {"overflowed": over.sum(), "vanished": gone.sum(), "worst": error.max() if len(error) else 0.0}
""",
    ),
    Right(
        "one by one, struct",
        """
def round_trip(values):
    import struct
    found = dict(overflowed=0, vanished=0, worst=0.0)
    for value in map(float, values.flat):
        try:
            back = struct.unpack("e", struct.pack("e", value))[0]
        except OverflowError:
            found["overflowed"] += 1
            continue
        if back == 0:
            found["vanished"] += 1
        else:
            found["worst"] = max(found["worst"], abs(back / value - 1))
    return found
""",
    ),
    Right(
        "by the limits, in float64",
        """
def round_trip(values):
    v = np.abs(np.ravel(values)).astype(np.float64)
    too_large, too_small = v >= 65520, v <= 2.0**-25
    v = v[~too_large & ~too_small]
    errors = np.abs(np.float64(np.float16(v)) - v) / v
    return {"worst": np.max(errors, initial=0), "overflowed": np.count_nonzero(too_large),
        "vanished": np.count_nonzero(too_small), "left": v.size}
""",
    ),
    Right(
        "masked array",
        """
def round_trip(values):
    with np.errstate(all="ignore"):
        back = np.asarray(values, np.float16).astype(np.float32)
        relative = np.ma.masked_where(~np.isfinite(back) | (back == 0), np.abs((values - back) / values))
    return {
        "overflowed": float((~np.isfinite(back)).sum()),
        "vanished": np.sum(np.where(back, 0, 1)),
        "worst": relative.filled(0).max(),
    }
""",
    ),
]
