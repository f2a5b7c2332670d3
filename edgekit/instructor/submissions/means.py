"""By what means an answer works, where its solution needs none of them: notes for a person, never points.

Three kinds: code that decides at run time what it reaches (``getattr`` with a made-up name, ``exec``, ``sys.modules``, the source on
the disk), a library that does the exercise by itself, and a look at a file's constants instead of at what the file computes. And the
solution itself: to the letter, or with other names, wherever it stands in a cell and whatever stands around it.
"""

from __future__ import annotations

import ast
import copy
import itertools
from collections import ChainMap, deque
from collections.abc import Iterable
from functools import lru_cache

from edgekit.course.catalog import Lab
from edgekit.instructor.submissions import rebuild, references, slicing

LIMIT = 5  # means that one note names
LETTERS = 20  # words beyond what the stub gives, three lines or so, from which an answer equal to the solution is no chance
RENAMED = 30  # the same for an answer that has other names

# Names that reach further than a reader can see.
BUILTINS = frozenset(
    [
        "eval",
        "exec",
        "compile",
        "globals",
        "locals",
        "vars",
        "open",
        "__import__",
        "breakpoint",
        "__builtins__",
        "__loader__",
        "__spec__",
        "get_ipython",
    ]
)
ATTRIBUTES = frozenset(
    [
        "modules",
        "__dict__",
        "__builtins__",
        "__loader__",
        "__spec__",
        "__getattribute__",
        "__getattr__",
        "import_module",
        "attrgetter",
        "methodcaller",
        "resolve_name",
        "user_ns",
        "user_global_ns",
        "run_module",
        "run_path",
        "read_text",
        "read_bytes",
        "rglob",
        "environ",
        "getenv",
        "__code__",
        "__self__",
        "__func__",
        "__wrapped__",
        "__class_getitem__",
        "__reduce__",
        "load_module",
        "exec_module",
        "get_source",
        "__traceback__",
    ]
)
MODULES = frozenset(
    [
        "importlib",
        "imp",
        "inspect",
        "pkgutil",
        "runpy",
        "pickle",
        "marshal",
        "shelve",
        "dill",
        "cloudpickle",
        "joblib",
        "ctypes",
        "gc",
        "builtins",
        "code",
        "codeop",
        "types",
        "zipimport",
        "subprocess",
        "multiprocessing",
        "linecache",
        "traceback",
        "dis",
        "symtable",
        "tokenize",
        "ast",
        "weakref",
        "mmap",
    ]
)
# Libraries and functions that are the answer to an exercise somewhere in the course.
LIBRARIES = (
    "onnxruntime",
    "modelopt",
    "openvino",
    "nncf",
    "torchao",
    "sklearn",
    "scipy",
    "onnxconverter_common",
    "onnxscript",
    "tensorrt",
    "tensorrt_rtx",
    "executorch",
    "ai_edge_litert",
    "torch.ao",
    "torch.quantization",
    "torch.nn.utils.prune",
    "torch.nn.quantized",
    "torch.quantize_per_tensor",
    "torch.quantize_per_channel",
    "torch.fake_quantize_per_tensor_affine",
    "torch.fake_quantize_per_channel_affine",
    "torch.quantize_per_tensor_dynamic",
    "torch.ops",
    "torch._C",
    "torch._decomp",
    "torch._refs",
    "onnx.reference",
    "onnx.shape_inference",
    "onnx.compose",
    "onnx.utils",
    "timeit",
)
# Of a file: what it is made of.
PARTS = frozenset(["initializer", "raw_data", "float_data", "int64_data", "attribute", "doc_string", "metadata_props"])


def notes(notebook: dict, lab: Lab) -> list[str]:
    """Notes on the answers of a rebuilt notebook, at most two for each. Nothing is run, and nothing raises for what it holds."""
    if not lab.solution.is_file():
        return []
    about = [(path, path.stat().st_mtime_ns) for path in (lab.notebook, lab.solution)]
    usual, solutions, aliases, known = _known(lab, tuple(about))
    found = []
    for cell in notebook["cells"]:
        name, source = cell.get("id", ""), cell.get("source", "")
        if cell.get("cell_type") != "code" or source.strip() in known:
            continue
        carried = name not in usual
        allowed = frozenset().union(*usual.values()) if carried else usual[name]
        who = "a cell of the student's own" if carried else name
        if extra := _of(source, aliases) - allowed:
            found.append(f"{who} works by {_listed(extra)}, which the solution does not: an instructor should read it")
        for item, how in _solved(source, solutions if carried else {name: solutions.get(name)}):
            what = f"{who} is the solution" + (f" of {item}" if carried else "")
            found.append(f"{what} {how}: an instructor should ask for an explanation")
    return found


def _solved(source: str, solutions: dict[str, ast.FunctionDef | None]) -> list[tuple[str, str]]:
    """Which solutions a function of a cell has as its body, and how."""
    tree = references.parsed(slicing.python(source))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)] if tree else []
    found = []
    for item, solution in solutions.items():
        alike = [one for one in functions if solution and len(_body(one)) == len(_body(solution))]
        want, same = _words(_body(solution)) if alike else (), [_words(_body(one)) for one in alike]
        if want in same:
            found.append((item, "to the letter"))
        elif len(want) >= RENAMED and _words(_renamed(solution)) in [_words(_renamed(one)) for one in alike]:
            found.append((item, "but for the names of its variables"))
    return found


def _listed(means: Iterable[str]) -> str:
    shown = sorted(means)
    more = [f"{len(shown) - LIMIT} more"] if len(shown) > LIMIT else []
    return ", ".join([*shown[:LIMIT], *more])


@lru_cache(maxsize=64)
def _known(lab: Lab, stamp: tuple) -> tuple[dict, dict, dict, frozenset]:
    """What solutions and stubs use; long solutions; what imports of given cells are called; the released sources."""
    import json

    released = rebuild.released(lab)["cells"]
    solved = {cell["id"]: "".join(cell["source"]) for cell in json.loads(lab.solution.read_text(encoding="utf-8"))["cells"]}
    names = [item.name for item in lab.items]
    aliases = _aliases([cell["source"] for cell in released if cell["cell_type"] == "code"])
    stubs = {cell["id"]: cell["source"] for cell in released}
    usual = {name: _of(solved.get(name, ""), aliases) | _of(stubs[name], aliases) for name in names}
    functions = {name: _named(name, solved.get(name, "")) for name in names}
    stubbed = {name: _named(name, stubs[name]) for name in names}
    given = {name: [node for node in _body(stub) if not isinstance(node, ast.Raise)] for name, stub in stubbed.items() if stub}
    short = {name: len(_words(given.get(name, []))) + LETTERS for name in names}
    long = {name: one for name, one in functions.items() if one and len(_words(_body(one))) >= short[name]}
    return usual, long, aliases, frozenset(cell["source"].strip() for cell in released)


def _named(name: str, source: str) -> ast.FunctionDef | None:
    """The function of a name; None where a cell has none."""
    tree = references.parsed(slicing.python(source))
    nodes = ast.walk(tree) if tree else ()
    return next((node for node in nodes if isinstance(node, ast.FunctionDef) and node.name == name), None)


def _body(function: ast.FunctionDef) -> list[ast.stmt]:
    return function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body


def _words(body: list[ast.stmt]) -> tuple[str, ...]:
    """Code word by word, without comments and blanks."""
    try:
        return tuple(ast.unparse(ast.Module(body, [])).split())
    except (RecursionError, ValueError):
        return ()


# Which field of a node holds a name that code gives to something.
_NAMES = {
    ast.Name: "id",
    ast.arg: "arg",
    ast.FunctionDef: "name",
    ast.AsyncFunctionDef: "name",
    ast.ExceptHandler: "name",
    ast.ClassDef: "name",
    ast.alias: "asname",
    ast.MatchAs: "name",
    ast.MatchStar: "name",
    ast.MatchMapping: "rest",
}
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, *references.COMPREHENSIONS)


class _Renaming(ast.NodeTransformer):
    """Calls the parameters and variables of each function and comprehension by the order in which they first stand there, and drops
    the types of variables."""

    def __init__(self):
        self.names, self.count = ChainMap(), itertools.count()
        self.parameters: dict[str, dict[str, str]] = {}  # of each function: what they are called now

    def new(self, name: str | None) -> str | None:
        return self.names.get(name, name)

    def visit(self, node: ast.AST) -> ast.AST:
        if field := _NAMES.get(type(node)):
            setattr(node, field, self.new(getattr(node, field)))
        if not isinstance(node, _SCOPES):
            return super().visit(node)
        self.names = self.names.new_child()
        self.names.update({name: f"name{next(self.count)}" for name in dict.fromkeys(_given(node))})
        self.parameters[getattr(node, "name", "")] = self.names.maps[0]
        self.generic_visit(node)
        self.names = self.names.parents
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """A keyword names a parameter of what is called: only of a function that stands here it is ours."""
        theirs = self.parameters.get(self.new(node.func.id), {}) if isinstance(node.func, ast.Name) else {}
        for keyword in node.keywords:
            keyword.arg = theirs.get(keyword.arg, keyword.arg)
        return self.generic_visit(node)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST:
        node.names = [self.new(name) for name in node.names]
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        return self.generic_visit(node if node.value is None else ast.Assign([node.target], node.value, lineno=node.lineno))


def _given(scope: ast.AST) -> Iterable[str]:
    """The names that code gives to something in a scope, but not in the scopes within."""
    todo = deque(ast.iter_child_nodes(scope))
    while todo:
        node = todo.popleft()
        read = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        if (field := _NAMES.get(type(node))) and not read and getattr(node, field):
            yield getattr(node, field)
        if not isinstance(node, _SCOPES):
            todo.extend(ast.iter_child_nodes(node))


def _renamed(function: ast.FunctionDef) -> list[ast.stmt]:
    """The body of a function without the names that it chooses."""
    try:
        return _body(_Renaming().visit(copy.deepcopy(function)))
    except RecursionError:
        return []


def _aliases(sources: Iterable[str]) -> dict[str, str]:
    """What names of imported things stand for: ``{"ort": "onnxruntime"}``."""
    found = {}
    for source in sources:
        tree = references.parsed(slicing.python(source))
        for node in ast.walk(tree) if tree else ():
            found.update(_bound(node))
    return found


def _bound(node: ast.AST) -> dict[str, str]:
    if isinstance(node, ast.Import):
        return {one.asname or one.name.partition(".")[0]: one.name if one.asname else one.name.partition(".")[0] for one in node.names}
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    return {}


def _of(source: str, aliases: dict[str, str]) -> frozenset[str]:
    """The means of one cell."""
    tree = references.parsed(slicing.python(source))
    if tree is None:
        return frozenset()
    aliases = {**aliases, **_aliases([source])}
    found: set[str] = set()
    plain = {id(node.func) for node in ast.walk(tree) if _fixed_getattr(node)}
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}  # model.modules() is torch's
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            if node.id in BUILTINS or node.id in ("getattr", "setattr", "delattr") and id(node) not in plain:
                found.add(node.id)
            found |= _library(aliases.get(node.id, ""))
        elif isinstance(node, ast.Attribute):
            if node.attr != "modules" or id(node) not in called:
                found |= {node.attr} & (ATTRIBUTES | PARTS)
            found |= _library(_dotted(node, aliases))
            if isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name) and node.value.id in aliases:
                found.add(f"a change of {aliases[node.value.id]}")
        elif isinstance(node, ast.Import | ast.ImportFrom):
            whole = {one.name for one in node.names} if isinstance(node, ast.Import) else set(_bound(node).values())
            for name in whole:
                found |= {name.partition(".")[0]} & MODULES
                found |= _library(name)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            found |= _parts_in(node.value)
    return frozenset(found)


def _parts_in(value: str | bytes) -> set[str]:
    """Names of operators and attributes in bytes: a search in a file that nobody parses."""
    return {"a search in bytes"} if isinstance(value, bytes) and len(value) > 3 and value.isascii() else set()


def _fixed_getattr(node: ast.AST) -> bool:
    """Whether this is a plain ``getattr(x, "name")``."""
    call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    if not call or node.func.id not in ("getattr", "setattr", "delattr") or len(node.args) < 2:
        return False
    return isinstance(node.args[1], ast.Constant)


def _dotted(node: ast.AST, aliases: dict[str, str]) -> str:
    tail: list[str] = []
    while isinstance(node, ast.Attribute):
        tail.append(node.attr)
        node = node.value
    root = aliases.get(node.id, "") if isinstance(node, ast.Name) else ""
    return ".".join([root, *tail[::-1]]) if root else ""


def _library(dotted: str) -> set[str]:
    return {one for one in LIBRARIES if dotted == one or dotted.startswith(one + ".")}
