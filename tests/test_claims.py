"""The claims: whole, placed, judged by this machine where a function can; and numbers that are linked to nothing are found."""

from __future__ import annotations

import json
import re

import pytest

from edgekit.instructor import claims
from edgekit.instructor.claims import measuring, reading, table
from edgekit.instructor.claims.outcome import HARDWARE
from tests.lanes import LANES
from tests.lanes import claims as lane_claims

# Quick ones of every kind: arithmetic, counting, a file, an API, a published table.
QUICK = ["C01", "C10", "C27", "C08", "C17", "C19", "C34", "C43", "C49", "C52", "C58", "C60", "C63"]


def test_there_are_enough_claims_and_most_are_judged_by_a_function():
    rows = claims.claims()
    assert len(rows) >= 45
    assert sum(row.tested == "function" for row in rows) >= 25
    assert {row.chapter for row in rows} == set(range(1, 8))
    assert all(row.why and row.source and row.read and row.says for row in rows)
    used = [row.by for row in rows if row.tested == "function"]
    assert sorted(used) == sorted(measuring.MEASURES), "a function that no claim uses, or that two use"


def test_a_claim_tested_in_a_lab_names_a_cell_that_is_there():
    from edgekit.instructor.slides.decks import _lab_cells

    for row in claims.claims():
        if row.tested == "lab":
            slug, cell = row.by.split()
            assert cell in _lab_cells(slug), row.id


def test_this_machine_judges_what_it_can():
    found = {claim.id: finding for claim, finding in table.judged(QUICK)}
    assert set(found) == set(QUICK)
    for claim_id, finding in found.items():
        assert finding.verdict in reading.VERDICTS and finding.found, claim_id
    assert "50,176" in found["C10"].found and "4,500 km" in found["C01"].found
    assert found["C19"].verdict == "holds under conditions" and "33 dense" in found["C19"].found
    assert found["C60"].verdict == "does not hold here" and found["C63"].verdict == "holds under conditions"
    said = table.text([(claims.find(i), f) for i, f in found.items()])
    assert f"{len(claims.claims())} claims, {len(QUICK)} asked of this machine" in said


def test_a_verdict_follows_the_evidence_and_not_the_slide(monkeypatch):
    """The same function says another thing when the world is another: a model that has the claimed size, an API that has the name."""
    from edgekit.device import catalogue

    real = catalogue.load()
    dense = [one for one in real if one.sparsity != "sparse"]
    monkeypatch.setattr(catalogue, "load", lambda *a: dense)
    finding = dict(measuring.measure(["orin_nano_headline"]))["orin_nano_headline"]
    assert finding.verdict == "not shown" and "not measured here" in finding.found

    import modelopt.torch.sparsity as mts

    assert dict(measuring.measure(["sparsity_function"]))["sparsity_function"].verdict == "does not hold here"
    monkeypatch.setattr(mts, "sparsity", lambda model, mode: model, raising=False)
    assert dict(measuring.measure(["sparsity_function"]))["sparsity_function"].verdict == "holds"


def test_time_and_memory_are_not_asked_of_an_emulator():
    """Whatever the function would say, and whatever is asked beside it."""
    assert {"microseconds", "ort_over_eager", "ram_over_weights", "fastnas_is_quick"} <= HARDWARE < set(measuring.MEASURES)
    found = dict(measuring.measure([*sorted(HARDWARE), "values_of_224"], emulated=True))
    assert found.pop("values_of_224").verdict == "holds"
    assert {one.verdict for one in found.values()} == {"not shown"}
    assert all("cannot be measured under emulation" in one.found for one in found.values())


def test_what_a_lane_did_not_reach_in_time_is_not_shown(monkeypatch):
    def part(lane, folder, name, timeout):
        known = {"environment": {"cpu": "a Haswell"}, "C10": ["holds", "50,176 pixels"]}
        (folder / "claims.json").write_text(json.dumps({"found": known, "seconds": 0}))
        raise RuntimeError(f"lane {lane.name}, claims: not finished after {timeout} s")

    monkeypatch.setattr(lane_claims, "part", part)
    environment, rows = lane_claims.judged(LANES["haswell"], 9)
    found = {claim.id: finding for claim, finding in rows}
    assert environment == {"cpu": "a Haswell"} and found.pop("C10").verdict == "holds"
    assert len(rows) == sum(row.tested == "function" for row in claims.claims())
    assert all(one.verdict == "not shown" and "not finished after 9 s" in one.found for one in found.values())


def test_recorded_verdicts_carry_device_and_date():
    runs = reading.runs()
    assert runs, "no device has been recorded: edgekit claims --record NAME"
    for run in runs:
        assert run.device and run.date and re.search(r"edgekit claims|tests\.lanes\.claims", run.source_command)
        if run.environment.get("emulator"):
            assert run.device not in claims.card("C39")._repr_html_()
            assert any(run.device in where for where, *_ in claims.verdicts("C39"))
            clocked = {row.id for row in claims.claims() if row.by in HARDWARE}
            said = [row["found"] for row in run.data if row["id"] in clocked]
            assert len(said) == len(clocked) and all("cannot be measured under emulation" in one for one in said)
        assert len(run.data) >= 25 and {row["id"] for row in run.data} <= {row.id for row in claims.claims()}
    card = claims.card("C39")
    real = [run for run in runs if not run.environment.get("emulator")]
    assert real and all(run.device in card._repr_html_() for run in real) and claims.find("C39").read in str(card)


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("claim = 3", "claims.toml"),
        ('[[claim]]\nid = "X"', "needs id, chapter"),
        (None, "is missing"),
        ("verdict", "verdict 'perhaps' is none of"),
        ("lab", "there is no lab '99_none'"),
        ("twice", "the id comes twice"),
    ],
)
def test_a_damaged_file_is_refused_with_its_place(tmp_path, toml, says):
    good = dict(id="X1", chapter=1, says="s", tested="cited", verdict="holds", why="w", source="s", read="2026-11-25", lab="04_onnx_export")
    rows = {"verdict": [good | {"verdict": "perhaps"}], "lab": [good | {"lab": "99_none"}], "twice": [good, good]}
    file = tmp_path / "claims.toml"
    if toml in rows:
        lines = ["\n".join(["[[claim]]", *(f"{k} = {v!r}" for k, v in row.items())]) for row in rows[toml]]
        file.write_text("\n".join(lines))
    elif toml:
        file.write_text(toml)
    with pytest.raises(claims.ClaimError, match="claims.toml") as error:
        claims.claims(file)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("prose", "found"),
    [
        ("INT8 is 4x faster than float.", ["4 x faster"]),
        ("It is 3.5 times smaller and takes 12 ms.", ["3.5 times smaller", "12 ms"]),
        ("A Jetson with 67 TOPS at 7 to 25 W", ["67 TOPS", "7 to 25 W"]),
        ("accuracy drops by 2 points and 30% less memory", ["2 points", "30 % less"]),
        ("Lab 03a takes 75 minutes; 8 bits; opset 20; three cores; a 3x3 layer", []),
        ("`range(4 ms)` and\n```\nx = 5  # 5 GB/s\n```", []),
    ],
)
def test_figures_that_are_linked_to_nothing_are_found(prose, found):
    assert claims.unlinked(prose, []) == found
    assert claims.unlinked(prose, ["C39"]) == []


def test_a_source_that_does_not_exist_is_refused():
    assert "recorded, not yours" in claims.source_line(["recorded:trt_engine_sizes", "results:recipes", "C39", "cell"])
    for source in ("C999", "recorded:none", "results:none", "lab:none", "table:none.csv"):
        with pytest.raises(claims.ClaimError):
            claims.source_line([source])


def test_a_recorded_table_is_shown_with_device_and_date():
    shown = claims.results("recipes", ["model", "recipe", "speed-up [95%]"], ["edgecnn"])
    assert len(shown.rows) == 8 and all(row[0] == "edgecnn" for row in shown.rows)
    assert "Xeon" in shown.label and "2026-11-22" in shown.label
    with pytest.raises(claims.ClaimError, match="no column 'colour'"):
        claims.results("recipes", ["colour"])
