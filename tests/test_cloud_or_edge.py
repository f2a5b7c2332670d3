"""Lab 01: looked-up figures have sources and faulty ones are refused by name; the sliders move the pictures."""

from __future__ import annotations

import numpy as np
import pytest

from edgekit.device import figures
from edgekit.plots import cloud_or_edge as plots_cloud_or_edge
from edgekit.plots import cloud_or_edge_explorers as explorers_cloud_or_edge
from tests.conftest import picture_of

FILES = ("links", "costs", "latencies")
HEAD = ",".join(figures.COLUMNS) + "\n"


@pytest.mark.parametrize("name", FILES)
def test_every_figure_has_value_unit_source_kind_and_date(name):
    found = figures.load(name)
    for row in found.rows:
        assert row.unit and row.checked
        assert row.value is None or (row.source and row.reference and row.kind in figures.KINDS and row.value >= 0), row


def test_every_link_has_the_same_fields_in_the_same_units():
    links = figures.load("links")
    fields = {name: {(row.field, row.unit) for row in links.rows if row.what == name} for name in links.names()}
    assert set(fields) == {"LoRa", "NB-IoT", "BLE", "Wi-Fi", "4G"}
    assert len({frozenset(one) for one in fields.values()}) == 1, fields
    missing = [(row.what, row.field) for row in links.rows if row.value is None]
    print(f"{len(links.rows)} figures, not found: {missing}")
    assert all(0 < links[name, "duty cycle"] <= 1 for name in fields)


def test_energy_per_bit_is_current_times_supply_over_rate_or_unknown():
    links = figures.load("links")
    assert figures.energy_per_bit(links, "LoRa") == pytest.approx(41.54e-3 * 3.3 / 5470)
    assert figures.energy_per_bit(links, "4G") is None
    with pytest.raises(figures.FigureError, match="current of 4G was looked for and not found"):
        links["4G", "current"]
    with pytest.raises(figures.FigureError, match="no 'range' of 'LoRa'; it knows current, duty cycle"):
        links["LoRa", "range"]


@pytest.mark.parametrize(
    "line, says",
    [
        ("a,b,1,m,,ref,vendor,2026-01-01,", "line 2: a figure needs source"),
        ("a,b,1,m,src,,vendor,2026-01-01,", "line 2: a figure needs source, reference"),
        ("a,b,1,m,src,ref,rumour,2026-01-01,", "kind among vendor"),
        ("a,b,1,,src,ref,vendor,2026-01-01,", "has no unit"),
        ("a,b,about 1,m,src,ref,vendor,2026-01-01,", "about 1"),
        ("a,b,1,m,src,ref,vendor,yesterday,", "yesterday"),
        ("a,b,1,m,s,r,vendor,2026-01-01,\na,b,2,m,s,r,vendor,2026-01-01,", "more than one row"),
    ],
)
def test_faulty_rows_are_named(tmp_path, line, says):
    (tmp_path / "x.csv").write_text(HEAD + line + "\n")
    with pytest.raises(figures.FigureError, match=says):
        figures.read(tmp_path / "x.csv")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(figures.FigureError, match="x.csv cannot be read"):
        figures.read(tmp_path / "x.csv")


def savings(fleet, years, per_second):
    return fleet * np.linspace(10, 20, 21) * years * per_second - 50_000


@pytest.mark.parametrize(
    ("make", "moves"),
    [
        (explorers_cloud_or_edge.light, {"distance": 5000, "server": 40, "deadline": 100}),
        (lambda: explorers_cloud_or_edge.fleet(savings), {"fleet": 20_000, "years": 7, "per_second": 30}),
    ],
)
def test_every_slider_changes_picture_and_words(make, moves):
    box = make()
    seen = [(picture_of(box), box.children[-1].value)]
    assert set(moves) == set(box.knobs)
    for name, value in moves.items():
        box.knobs[name].value = value
        seen.append((picture_of(box), box.children[-1].value))
    assert len({png for png, _ in seen}) == len({words for _, words in seen}) == len(seen)
    assert all(png.startswith(b"\x89PNG") for png, _ in seen)


def test_light_says_whether_the_deadline_is_kept():
    assert "within" in plots_cloud_or_edge.light(1000, 5, 20).alt and "15.0 ms" in plots_cloud_or_edge.light(1000, 5, 20).alt
    assert "beyond" in plots_cloud_or_edge.light(2000, 5, 20).alt
