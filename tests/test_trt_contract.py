"""Every name of TensorRT that the package and the labs use exists in 10.3, 10.16, 11.4 and RTX, or stands behind a feature test; the
package's also in 8.6.

The names are collected from the code (tests/contracts/names.py). What exists is recorded in tests/contracts/names.json, which was
read out of the real bindings; the second half of this file reads it out again where their wheels can be had.
"""

from __future__ import annotations

import json
import re
import tempfile
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest

from edgekit import paths
from edgekit.runtimes.trt.history import CHANGES
from edgekit.runtimes.trt.history import VERSIONS as SHOWN
from edgekit.runtimes.trt.versions import FEATURES, Features, features
from tests.contracts import bindings
from tests.contracts.names import Collector, code_of, collect, told_by

VERSIONS, LABS = bindings.VERSIONS, bindings.LABS
PACKAGE = {file.name for file in (Path(__file__).parents[1] / "edgekit" / "runtimes").glob("trt*/*.py")}


def sources() -> list[Path]:
    package = Path(__file__).parents[1] / "edgekit"
    labs = sorted(paths.solutions().glob("06*.ipynb"))
    checks = [file for lab in labs for file in (package / "checks" / lab.stem.partition("_")[2]).glob("*.py")]
    return [
        *sorted((package / "runtimes").glob("trt*/*.py")),
        *labs,
        *sorted(checks),
        *sorted((paths.root() / "slides").glob("06*.ipynb")),
        package / "capstone" / "inside.py",
        package / "checks" / "fake_tensorrt.py",
    ]


def others() -> list[Path]:
    """All other code of the course."""
    root = paths.root()
    found = [*(root / "edgekit").rglob("*.py"), *(root / "solutions").glob("*.ipynb"), *(root / "slides").glob("*.ipynb")]
    return sorted({*found, *(root / "tests/benchmarks").glob("*.py")} - {file.resolve() for file in sources()})


@cache
def collected() -> list[Collector]:
    return [collect(code_of(path), path.name, set(FEATURES)) for path in sources()]


def exists(name: str, version: str) -> bool:
    owner, _, member = name.rpartition(".")
    listing = members(version)
    if not owner:
        return member in listing
    if "." in owner:  # ILogger.Severity: a class inside of a class has no members in the listing
        return exists(owner, version)
    return member in listing.get(owner, ())


@cache
def members(version: str) -> dict[str, set[str]]:
    return bindings.members(version)


@cache
def answers(version: str) -> Features:
    """The package's own feature tests, on a module with the recorded names of this version."""
    listing = members(version).items()
    return features(SimpleNamespace(**{name: SimpleNamespace(**dict.fromkeys(inner)) for name, inner in listing}))


def verdict(use, version: str) -> str:
    """ "yes", "guarded", or "MISSING"."""
    if exists(use.name, version):
        return "yes"
    guards = [g for g in use.guards if any(use.name == n or use.name.startswith(n + ".") for n in FEATURES[g])]
    return "guarded" if any(not getattr(answers(version), g) for g in guards) else "MISSING"


def asked(use) -> list[str]:
    """The versions that a use must hold in."""
    return VERSIONS if use.file in PACKAGE else LABS


def broken(collector: Collector) -> list[str]:
    missing = [(use, [v for v in asked(use) if verdict(use, v) == "MISSING"]) for use in collector.uses]
    return [f"{u.file}:{u.line}: {u.name} is not in {', '.join(v)}" for u, v in missing if v]


def contract() -> dict[str, list[str]]:
    """{name: verdict per version}, the weakest of all its uses; "-" where only a lab uses it, which is not written for that version."""
    rows: dict[str, list[str]] = {}
    rank = ["MISSING", "guarded", "yes", "-"]
    for use in (use for c in collected() for use in c.uses):
        now = [verdict(use, v) if v in asked(use) else "-" for v in VERSIONS]
        rows[use.name] = [min(a, b, key=rank.index) for a, b in zip(rows.get(use.name, now), now, strict=True)]
    return dict(sorted(rows.items()))


# ---------------------------------------------------------------------------------------- what the code names
def test_every_name_is_in_every_version_or_guarded(capsys):
    rows = contract()
    with capsys.disabled():
        print(f"\n{'':52}" + "".join(f"{v:>15}" for v in VERSIONS))
        for name, cells in rows.items():
            print(f"{name:52}" + "".join(f"{cell:>15}" for cell in cells))
        print(f"{len(rows)} names of TensorRT in {len(sources())} files")
    assert not [line for c in collected() for line in broken(c)]


def test_nobody_else_names_tensorrt():
    """Names like config or engine mean other things in other files, so only classes of the module count."""
    known = set().union(*(members(v) for v in VERSIONS))
    uses = [use for path in others() for use in collect(code_of(path), path.name, set(FEATURES)).uses]
    assert not [f"{use.file}:{use.line} {use.name}" for use in uses if use.name in known]


def test_every_name_in_the_labs_text_exists_or_is_one_of_the_old_ones(capsys):
    old = {change.old for change in CHANGES}
    found, gone = set(), set()
    for path in [path for path in sources() if path.suffix == ".ipynb"]:
        for code in told_by(path):
            uses = {use.name for use in collect(code, path.name, set(FEATURES)).uses}
            found |= uses
            gone |= {name for name in uses if not all(exists(name, v) for v in LABS)}
    with capsys.disabled():
        print(f"\n{len(found)} names in the text of the labs of chapter 6; old ones among them: {', '.join(sorted(gone & old))}")
    assert gone <= old, f"neither in all four versions nor in the table of old names: {sorted(gone - old)}"
    assert {"IBuilderConfig.set_memory_pool_limit", "Builder.build_engine"} <= found


def test_no_name_is_computed():
    assert not [place for c in collected() for place in c.dynamic]


def test_the_collector_sees_what_matters():
    found = set(contract())
    expected = """Builder.build_serialized_network IBuilderConfig.set_memory_pool_limit MemoryPoolType.WORKSPACE OnnxParser.parse_from_file
    ParserError.node_operator IOptimizationProfile.set_shape IExecutionContext.execute_async_v3 IExecutionContext.set_tensor_address
    ICudaEngine.get_tensor_profile_shape EngineInspector.get_engine_information IProgressMonitor.step_complete ILogger.log
    NetworkDefinitionCreationFlag.STRONGLY_TYPED HardwareCompatibilityLevel.AMPERE_PLUS IBuilderConfig.set_compute_capability
    ComputeCapability ITimingCache.serialize Runtime.deserialize_cuda_engine TensorIOMode.INPUT ITensor.shape"""
    assert not set(expected.split()) - found


BAD = {
    "a removed flag": "config.set_flag(trt.BuilderFlag.FP16)",
    "a removed attribute": "config.max_workspace_size = 1",
    "through a local name": "n = trt.Builder(logger).create_network(0)\nn.add_fully_connected(1)",
    "on self": "self._context.execute_async_v2(b, s)",
    "guarded by another feature": "if features(trt).same_capability:\n    config.num_compute_capabilities = 1",
    "in the else of its guard": "if features(trt).targets:\n    pass\nelse:\n    config.num_compute_capabilities = 1",
    "guarded by hand": "if hasattr(config, 'x'):\n    config.num_compute_capabilities = 1",
    "by a constant name": "getattr(trt.BuilderFlag, 'INT8')",
    "overriding nothing": "class M(trt.IProgressMonitor):\n    def step_done(self, a, b): pass",
    "after an import": "import tensorrt as t\nt.IInt8EntropyCalibrator2",
    "from the kit's api()": "t = kit.api()\nt.Builder(l).platform_has_fast_int8",
}
GOOD = {
    "guarded": "if features(trt).targets:\n    config.num_compute_capabilities = 1",
    "guarded by an early return": (
        "def f(trt, config):\n    if not versions.features(trt).targets:\n        return\n    config.num_compute_capabilities = 1"
    ),
    "our own module of that name": "from edgekit.runtimes import trt\ntrt.build(model)",
}


@pytest.mark.parametrize("code", BAD.values(), ids=BAD)
def test_a_name_that_is_missing_somewhere_is_found(code):
    assert broken(collect(code, "x.py", set(FEATURES)))


@pytest.mark.parametrize("code", GOOD.values(), ids=GOOD)
def test_a_guarded_name_is_accepted(code):
    assert not broken(collect(code, "x.py", set(FEATURES)))


def test_a_computed_name_is_found():
    assert collect("getattr(trt.BuilderFlag, flag)", "x.py", set(FEATURES)).dynamic


def test_every_feature_test_tells_versions_apart():
    for name, needed in FEATURES.items():
        found = [getattr(answers(v), name) for v in VERSIONS]
        assert len(set(found)) == 2, f"{name} is {found[0]} everywhere: no need to test for it"
        assert found == [all(exists(n, v) for n in needed) for v in VERSIONS]


def test_the_table_of_old_and_new_names_is_true():
    assert list(SHOWN) == LABS
    for change in CHANGES:
        assert change.still_in == "".join(str(int(exists(change.old, v))) for v in LABS), change.old
        assert "0" in change.still_in, f"{change.old} is in all of them: that is no old name"
        for name in filter(None, change.today.split(" + ")):
            assert all(exists(name, v) for v in LABS), name


# ---------------------------------------------------------------------------------------- what the bindings say
def real(version: str):
    """(module name, environment) to import the real bindings in another process, or a skip with the reason."""
    if version.startswith("rtx"):
        return "tensorrt_rtx", {}, None
    folder = tempfile.TemporaryDirectory()
    if version == bindings.KEPT:
        pytest.skip(f"the wheel of {version} is 819 MB and is not fetched for a test")
    pin = next(p for p in bindings.PINS if p.version == version)
    try:
        return "tensorrt_bindings", bindings.unpacked(pin, Path(folder.name)), folder
    except bindings.Unavailable as reason:
        folder.cleanup()
        pytest.skip(str(reason))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_listing_is_what_the_bindings_say(version):
    try:
        found = bindings.listing(version)
    except bindings.Unavailable as reason:
        pytest.skip(str(reason))
    assert {name: set(inner or ()) for name, inner in found.items()} == members(version)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_feature_tests_answer_the_same_on_the_bindings(version):
    if version.startswith("rtx"):
        pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed")
    module, environment, folder = real(version)
    code = """\
import importlib, json, sys; from dataclasses import asdict
from edgekit.runtimes.trt.versions import features
print(json.dumps(asdict(features(importlib.import_module(sys.argv[1])))))"""
    answer = json.loads(bindings.ask(code, module, environment).splitlines()[-1])
    if folder:
        folder.cleanup()
    assert Features(**answer) == answers(version)


_CALLED_BACK = """
import importlib, json, sys
from edgekit.runtimes.trt import progress
from edgekit.runtimes.trt.buildlog import Log, collecting
from edgekit.runtimes.trt.parsing import dtype_name
from edgekit.runtimes.trt.versions import targets
trt, log, bars = importlib.import_module(sys.argv[1]), Log(), progress.Bars(False)
collecting(trt, log).log(trt.ILogger.Severity.ERROR, "it broke")
monitor = progress._monitor_class(trt)(bars)
monitor.phase_start("build", None, 2)
before = monitor.step_complete("build", 0)
bars.stopped = True
after = monitor.step_complete("build", 1)
monitor.phase_finish("build")
types = {name: dtype_name(member) for name, member in trt.DataType.__members__.items()}
print(json.dumps([log.lines, before, after, types, list(targets(trt))]))
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_what_tensorrt_calls_back_works_with_the_bindings(version):
    if version.startswith("rtx"):
        pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed")
    module, environment, folder = real(version)
    lines, before, after, types, targets = json.loads(bindings.ask(_CALLED_BACK, module, environment).splitlines()[-1])
    if folder:
        folder.cleanup()
    assert lines == [["ERROR", "it broke"]] and before is True and after is False
    assert types["HALF"] == "float16" and types["FLOAT"] == "float32" and types["BF16"] == "bfloat16"
    assert bool(targets) == answers(version).targets


def test_the_listing_says_where_it_comes_from():
    found = bindings.recorded()
    assert found["versions"] == VERSIONS and re.fullmatch(r"\d{4}-\d\d-\d\d", found["date"])
    assert {v: w["sha256"] for v, w in found["wheels"].items()} == {p.version: p.sha256 for p in bindings.PINS}
