"""Vendors' toolchains: every entry has its source, and a file is held against the published lists."""

import re
from datetime import date

import onnx
import pytest
from onnx import TensorProto, defs, helper

from edgekit import paths
from edgekit.graphs import vendors
from edgekit.graphs.reading import ExportError


def save(path, *kinds, opset=18, domain=""):
    """A chain of nodes of these kinds; nobody runs it."""
    value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4])
    nodes = [helper.make_node(kind, [f"v{i}"], [f"v{i + 1}"], domain=domain) for i, kind in enumerate(kinds)]
    graph = helper.make_graph(nodes, "g", [value("v0")], [value(f"v{len(kinds)}")])
    imports = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=8), path)
    return path


def test_every_toolchain_has_its_source_and_its_operators_exist():
    found = vendors.toolchains()
    names = [toolchain.name for toolchain in found]
    assert len(names) == len(set(names)) >= 6
    known = {schema.name for schema in defs.get_all_schemas_with_history()}
    for toolchain in found:
        assert all([toolchain.chips, toolchain.takes, toolchain.gives, toolchain.needs, toolchain.run, toolchain.source])
        assert date(2024, 1, 1) < toolchain.read <= date.today()
        assert not toolchain.operators - known, f"{toolchain.name}: {toolchain.operators - known}"


def test_what_was_tried_has_its_script_and_its_record_or_its_lab():
    for toolchain in vendors.toolchains():
        files = re.findall(r"data/(\S+\.(?:py|json))", toolchain.tried)
        labs = re.findall(r"\b\d\d[a-z]?\b", toolchain.tried)
        assert all((paths.data() / name).is_file() for name in files), toolchain.tried
        assert all(list(paths.solutions().glob(f"{lab}_*.ipynb")) for lab in labs), toolchain.tried
        recorded = any(name.startswith("recorded/") for name in files)
        assert not toolchain.tried or recorded or labs, f"{toolchain.name}: {toolchain.tried}: no record"


def test_a_file_is_held_against_each_list(tmp_path):
    table = vendors.table(save(tmp_path / "a.onnx", "Relu", "GRU", "Softsign", "Softsign", opset=20))
    held = {one.toolchain.name: one for one in table}
    rknn, tidl = held["Rockchip RKNN-Toolkit2"], held["TI TIDL"]
    assert rknn.missing == {"Softsign": 2} and rknn.limits == {"GRU": "batch 1"} and rknn.opset == 20
    assert str(rknn) == "lacks Softsign (2x); opset 20 is newer than 19: export with opset=19; GRU: batch 1"
    assert tidl.missing == {"GRU": 1, "Softsign": 2} and tidl.fits is False
    assert held["Arm Vela"].fits is None and str(held["Arm Vela"]) == "it takes no ONNX file"
    assert "lacks GRU (1x)" in str(table) and "<td" in table._repr_html_() and "read 2026" in str(table)
    fine = {one.toolchain.name: one for one in vendors.table(save(tmp_path / "b.onnx", "Relu", "Flatten"))}
    assert fine["TI TIDL"].fits and str(fine["TI TIDL"]) == "every operator is in the list"


def test_an_operator_of_another_domain_is_in_no_list(tmp_path):
    table = vendors.table(save(tmp_path / "c.onnx", "Relu", domain="com.example"))
    assert {"com.example.Relu": 1} in [one.missing for one in table]
    with pytest.raises(ExportError, match=r"nothing\.onnx: no such file"):
        vendors.table(tmp_path / "nothing.onnx")


@pytest.mark.parametrize(
    "text, said",
    [
        ("[[toolchain", "vendors.toml"),
        ("[[toolchain]]\nname = 'A'", "A: .*chips"),
        (
            (
                "[[toolchain]]\nname='A'\nchips=''\ntakes=''\ngives=''\nneeds=''\nrun=''\nsource=''\nread=2026-01-01\n"
                "operators='Relu'\n[toolchain.limits]\nConv='x'"
            ),
            "limits of Conv",
        ),
        ("", "toolchain"),
    ],
)
def test_a_wrong_entry_is_named(text, said, tmp_path, monkeypatch):
    (tmp_path / "vendors.toml").write_text(text)
    monkeypatch.setattr(paths, "data", lambda: tmp_path)
    with pytest.raises(vendors.VendorError, match=said):
        vendors.toolchains()
