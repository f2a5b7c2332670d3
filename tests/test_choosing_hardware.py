"""The catalogue of hardware, the roofline, and the pictures and knobs of chapter 2."""

from __future__ import annotations

import csv
from datetime import date

import numpy as np
import pytest
import torch

from edgekit import paths
from edgekit.checks.choosing_hardware.shortlist import broken
from edgekit.compression import roofline
from edgekit.compression.roofline import Roof, Work
from edgekit.device import catalogue
from edgekit.plots import hardware as plots_hardware
from edgekit.zoo import device_models
from tests.conftest import picture_of

FIGURES = catalogue.load()
HEAD = "device,class,field,value,unit,precision,sparsity,engine,mode,source,publisher,source_date,kind,checked,note"
GOOD = "A,MCU,peak_compute,600,GOPS,INT8,dense,NPU,,Datasheet,Maker,2026,vendor,2026-11-25,"


# --------------------------------------------------------------------------------------------------------- the catalogue
def test_every_figure_is_sourced_and_dated():
    for figure in FIGURES:
        assert date.fromisoformat(figure.checked) <= date.today(), figure
        assert (figure.value is None) == (not figure.source), figure
        assert "http" not in f"{figure.source}{figure.publisher}{figure.note}", figure


def test_every_device_has_a_row_for_every_core_field_and_coverage_counts_them(capsys):
    table = catalogue.coverage(FIGURES)
    core = ["peak_compute", "bandwidth", "ram", "flash", "power", "temperature_min", "temperature_max", "price", "sdk"]
    assert all(set(core) <= set(row) for row in table.values())
    found = sum(f.value is not None for f in FIGURES)
    assert sum(n for row in table.values() for n in row.values()) == found
    with capsys.disabled():
        missing = {name: sum(not row[name] for row in table.values()) for name in core}
        print(f"\n{len(table)} devices, {found} figures found, {len(FIGURES) - found} not found; devices without: {missing}")


def test_all_classes_are_there_and_drawn():
    assert set(catalogue.devices(FIGURES).values()) == set(catalogue.CLASSES)
    for name in catalogue.CLASSES:
        assert plots_hardware.device_class(name).alt.startswith(name)


def test_dense_is_never_more_than_half_of_sparse_and_never_answered_by_it():
    for device in catalogue.devices(FIGURES):
        dense = catalogue.select(FIGURES, device=device, field="peak_compute", sparsity="dense")
        assert all(f.sparsity == "dense" for f in dense)
        for a in dense:
            alike = {"device": device, "field": "peak_compute", "precision": a.precision, "engine": a.engine, "mode": a.mode}
            for b in catalogue.select(FIGURES, sparsity="sparse", **alike):
                assert a.amount <= 0.51 * b.amount, (str(a), str(b))
    with pytest.raises(catalogue.CatalogueError, match="0 figures.*sparse"):
        catalogue.one(FIGURES, "Jetson Thor T5000", "peak_compute", sparsity="dense")


def test_a_roof_is_never_made_of_a_sparse_figure():
    for device in catalogue.devices(FIGURES):
        try:
            roof = roofline.of_device(FIGURES, device)
        except catalogue.CatalogueError as error:
            assert "not sparse" in str(error)
            continue
        peaks = catalogue.select(FIGURES, device=device, field="peak_compute", precision="INT8")
        assert any(np.isclose(f.amount * 1e12, roof.peak) for f in peaks if f.sparsity != "sparse")


def test_unlike_figures_are_not_ranked():
    alike = catalogue.select(FIGURES, field="peak_compute", precision="INT8", sparsity="dense", engine="GPU")
    ranked = catalogue.rank(alike)
    assert [f.amount for f in ranked] == sorted((f.amount for f in alike), reverse=True)
    for name in ("precision", "sparsity", "engine", "field"):
        values = {getattr(f, name): f for f in FIGURES if f.value is not None}
        pair = list(values.values())[:2]
        with pytest.raises(catalogue.CatalogueError, match="differ in"):
            catalogue.rank(pair)


def test_units_are_brought_to_one(tmp_path):
    rows = [HEAD, GOOD, GOOD.replace("A,", "B,", 1).replace("600,GOPS", "0.5,TOPS")]
    ranked = catalogue.rank(catalogue.load(_file(tmp_path, rows)))
    assert [f.device for f in ranked] == ["A", "B"] and ranked[0].amount == pytest.approx(0.6)


def _file(folder, rows):
    path = folder / "mine.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "old, new, says",
    [
        ("Datasheet", "", "line 2: a figure without a source"),
        ("GOPS", "GFLOPS/s", "line 2: the unit 'GFLOPS/s'"),
        ("600,GOPS", "600000,TOPS", "lies outside"),
        ("600", "many", "'many' is no number"),
        ("dense", "", "dense, sparse or not stated"),
        ("INT8", "", "without precision"),
        ("MCU", "board", "the class 'board'"),
        ("vendor", "rumour", "the kind 'rumour'"),
        ("peak_compute", "speed", "the field 'speed'"),
        (",2026-11-25,", ",2026-11-25", "not as many values"),
    ],
)
def test_a_bad_row_is_refused_by_line(tmp_path, old, new, says):
    with pytest.raises(catalogue.CatalogueError, match="mine.csv.*" + says):
        catalogue.load(_file(tmp_path, [HEAD, GOOD.replace(old, new, 1)]))


def test_duplicates_and_missing_columns_are_refused(tmp_path):
    with pytest.raises(catalogue.CatalogueError, match="two rows"):
        catalogue.load(_file(tmp_path, [HEAD, GOOD, GOOD]))
    with pytest.raises(catalogue.CatalogueError, match="columns"):
        catalogue.load(_file(tmp_path, [HEAD.replace("kind,", ""), GOOD]))
    with pytest.raises(catalogue.CatalogueError, match="holds no figure"):
        catalogue.load(_file(tmp_path, [HEAD]))


def test_published_latencies_are_sourced_and_of_known_devices(tmp_path):
    rows = catalogue.published()
    assert {row.device for row in rows} <= set(catalogue.devices(FIGURES))
    keys = [(r.device, r.model, r.side, r.weights, r.mode) for r in rows]
    assert len(set(keys)) == len(keys)
    with (paths.data() / "published_latency.csv").open() as file:
        lines = list(csv.reader(file))
    lines[1][lines[0].index("milliseconds")] = "-1"
    bad = _file(tmp_path, [",".join(f'"{v}"' for v in line) for line in lines])
    with pytest.raises(catalogue.CatalogueError, match="line 2: a latency needs"):
        catalogue.published(bad)


# ---------------------------------------------------------------------------------------------------------- the roofline
@pytest.mark.parametrize(
    "build, parameters",
    [(device_models.YOLOv5s, 7_235_389), (device_models.YOLOv8n, 3_157_184)],  # as Ultralytics counts them, without DFL's 16
)
def test_detectors_have_the_published_number_of_parameters(build, parameters):
    assert sum(p.numel() for p in build().parameters()) == parameters


def test_work_counts_macs_and_scales_with_the_picture(tmp_path):
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, 1, 1, bias=False), torch.nn.Conv2d(8, 8, 3, 1, 1, groups=8, bias=False))
    path = tmp_path / "net.onnx"
    torch.onnx.export(net, (torch.rand(1, 3, 16, 16),), path, dynamo=False, input_names=["x"])
    one, large = roofline.work(path, "net"), roofline.work(path, "net", 32)
    assert one.macs == 16 * 16 * (8 * 27 + 8 * 9) and large.macs == 4 * one.macs
    assert one.weights == 8 * 27 + 8 * 9 == large.weights
    assert one.activations == 16 * 16 * 16  # both ends of the second convolution
    assert one.traffic == 16 * 16 * (3 + 8 + 8 + 8) + one.weights


def test_seconds_are_the_longer_of_two_and_the_bandwidth_may_be_unknown():
    one = Work("m", 10**9, 10**6, 10**7, 10**6)
    assert Roof("a", 1e12, 1e9).seconds(one) == pytest.approx(1e-2)
    assert Roof("b", 1e12, 1e12).seconds(one) == Roof("c", 1e12, None).seconds(one) == pytest.approx(2e-3)


def test_a_prediction_never_learns_from_what_it_predicts():
    rows = [r for r in catalogue.published() if r.weights != "per channel"]
    pairs = [(row, 1e-3) for row in rows]
    for row, _ in pairs:
        poisoned = [(p, b * (1e9 if p.device == row.device else 1)) for p, b in pairs]
        assert roofline.utilisation(poisoned, row) == pytest.approx(roofline.utilisation(pairs, row))
    alone = [pair for pair in pairs if pair[0].device == rows[0].device]
    with pytest.raises(ValueError, match="nothing to learn"):
        roofline.utilisation(alone, rows[0])


# --------------------------------------------------------------------------------------------------------------- pictures
WORKS = {"small": Work("small", 10**8, 10**6, 10**7, 10**6), "large": Work("large", 10**10, 10**7, 10**7, 10**6)}
ROOFS = {"A": Roof("A", 1e12, 1e10), "B": Roof("B", 4e12, None)}


@pytest.mark.parametrize("knob, value", [("device", "B"), ("model", "large"), ("peak", 40), ("bandwidth", 10)])
def test_every_knob_of_the_roofline_changes_picture_and_words(knob, value):
    box = plots_hardware.explore_roofline(ROOFS, WORKS)
    box.knobs["peak"].value = 95
    before = picture_of(box)
    box.knobs[knob].value = value
    assert picture_of(box) != before and box.shown in box.children[-1].value


def test_both_knobs_of_the_fit_explorer_change_the_picture():
    table = lambda deadline, share: {"A": {"m": "" if deadline * share > 0.01 else "late"}, "B": {"m": "RAM ?"}}
    box = plots_hardware.explore_fit(table)
    seen = [picture_of(box)]
    for knob, value in (("deadline", 200), ("share", 50)):
        box.knobs[knob].value = value
        seen.append(picture_of(box))
    assert len(set(seen)) == 3 and "1 of 2 pairs fit" in box.shown and "of 1 nobody" in box.shown


def test_broken_needs_include_the_unknown_and_not_the_limit():
    needs = {"coldest": -20, "hottest": 60, "until": 2036, "seconds": 0.1}
    assert broken(dict(needs), needs) == []
    assert broken({"coldest": None, "hottest": 59, "until": 2036, "seconds": 0.2}, needs) == ["coldest", "hottest", "seconds"]
