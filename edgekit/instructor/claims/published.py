"""What vendors have published, and what was recorded on another machine: looked up, not measured here. Each function returns an Outcome."""

from __future__ import annotations

from edgekit.instructor.claims.outcome import CONDITIONS, NOT, Outcome, holds_if, measures, share


def _peaks(device: str, mode: str | None = None) -> dict[str, float]:
    from edgekit.device import catalogue

    found = catalogue.select(catalogue.load(), device=device, field="peak_compute", precision="INT8")
    best: dict[str, float] = {}
    for one in found:
        if one.value is not None and (mode is None or one.mode == mode):
            best[one.sparsity] = max(best.get(one.sparsity, 0.0), one.amount)
    return best


def _headline(device: str, claimed: float) -> Outcome:
    peaks = _peaks(device)
    said = (
        f"{device}: {peaks['sparse']:g} TOPS sparse, {peaks['dense']:g} dense (data/hardware.csv): a dense model has"
        f" {peaks['dense'] / peaks['sparse']:.0%} of the headline"
    )
    return Outcome(CONDITIONS if peaks["sparse"] == claimed else NOT, said)


@measures
def orin_nano_headline(shared) -> Outcome:
    return _headline("Jetson Orin Nano 8GB Super", 67)


@measures
def orin_nx_headline(shared) -> Outcome:
    return _headline("Jetson Orin NX 16GB", 157)


@measures
def agx_orin_headline(shared) -> Outcome:
    return _headline("Jetson AGX Orin 64GB", 275)


@measures
def per_channel_on_mp257(shared) -> Outcome:
    from edgekit.device import catalogue

    rows = {(p.model, p.weights): p.milliseconds for p in catalogue.published() if p.device == "STM32MP257"}
    ratio = rows["YOLOv8n", "per channel"] / rows["YOLOv8n", "per tensor"]
    peaks = sorted(one.amount for one in catalogue.select(catalogue.load(), device="STM32MP257", field="peak_compute"))
    return Outcome(
        CONDITIONS,
        f"{peaks[0]:g} TOPS, {peaks[-1]:g} with overdrive; YOLOv8n 256 with per-channel weights takes {ratio:.1f} times as long as per"
        " tensor",
    )


@measures
def yolo_on_n6(shared) -> Outcome:
    from edgekit.device import catalogue

    fps = {p.side: 1e3 / p.milliseconds for p in catalogue.published() if (p.device, p.model) == ("STM32N657", "YOLOv8n")}
    return share(
        {f"{side} px": rate >= 30 for side, rate in fps.items()},
        "published, one class: " + ", ".join(f"{s} px {r:.1f} fps" for s, r in fps.items()),
    )


@measures
def mobilenet_on_rk3568(shared) -> Outcome:
    from edgekit.device import catalogue

    ms = next(p.milliseconds for p in catalogue.published() if (p.device, p.model) == ("RK3568", "MobileNetV2"))
    return holds_if(1e3 / ms >= 60, f"published for its NPU: {ms:g} ms, {1e3 / ms:.0f} pictures a second")


@measures
def rk3588_one_core(shared) -> Outcome:
    from edgekit.device import catalogue

    found = {one.mode: one.amount for one in catalogue.select(catalogue.load(), device="RK3588", field="peak_compute")}
    return Outcome(CONDITIONS, ", ".join(f"{tops:g} TOPS with {mode}" for mode, tops in found.items()))


@measures
def tda4vm_effective(shared) -> Outcome:
    from edgekit.device import catalogue

    figures = catalogue.load()
    peak, effective = (catalogue.select(figures, device="TDA4VM", field=f"{kind}_compute")[0].amount for kind in ("peak", "effective"))
    return Outcome(CONDITIONS, f"{peak:g} TOPS peak; {effective:g} effective on a YOLO by one analysis: {effective / peak:.0%}")


# ------------------------------------------------------------------------------------------------------- recorded elsewhere
@measures
def fp16_faster(shared) -> Outcome:
    from edgekit import ledger

    found = ledger.recorded("float16_cuda")
    rows = [row for row in found["races"] if row["entry"] == "float16"]
    names = [f"{row['model']} at batch {row['batch']} in {row['runtime']}" for row in rows]
    said = ", ".join(f"{name} {row['speed-up']:.2f}x" for name, row in zip(names, rows, strict=True))
    gained = {name: row["verdict"] == "faster" for name, row in zip(names, rows, strict=True)}
    return share(gained, f"{found.label}: {said}")


@measures
def tensorrt_faster(shared) -> Outcome:
    from edgekit import ledger

    found = ledger.recorded("trt_race")
    rows = [row for row in found["race"] if row["entry"] in ("TensorRT", "TensorRT, CUDA graph")]
    names = [f"{row['model']}, {row['entry']}" for row in rows]
    said = ", ".join(f"{name} {row['speed-up']:.1f}x" for name, row in zip(names, rows, strict=True))
    gained = any(row["verdict"] == "faster" for row in rows)  # the race has no compiled PyTorch and no ONNX Runtime on the GPU: never more
    return Outcome(CONDITIONS if gained else NOT, f"{found.label}: against PyTorch alone, batch {rows[0]['batch']}, with copies: {said}")


@measures
def two_of_four_faster(shared) -> Outcome:
    from edgekit import ledger

    found = ledger.recorded("sparse_gpu")
    best = max(row["speed-up"] for row in found.data)
    called = max(row["speed-up as called from Python"] for row in found.data)
    gained = sum(row["verdict"] == "faster" for row in found.data)
    said = (
        f"{found.label}: {gained} of {len(found.data)} products are faster, at most {best:.2f}x; as called from Python at most"
        f" {called:.2f}x"
    )
    return share({f"{row['weight']}, {row['rows of input']} rows": row["low"] >= 1.5 for row in found.data}, said)
