"""What code refers to: the dotted names of the package, and words that lead to frames, memory or the judge. Nothing is run."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import edgekit
from edgekit.instructor.submissions import slicing

MAX_TARGETS = 8  # that one name may stand for

_DEEP = (
    *("sys._getframe", "sys._current_frames", "sys.settrace", "sys.setprofile", "ctypes", "_ctypes"),
    *("inspect.currentframe", "inspect.stack", "inspect.trace", "inspect.getouterframes"),
    *("gc.get_objects", "gc.get_referrers", "gc.get_referents", "edgekit.checks", "edgekit.course", "edgekit.instructor"),
)
_WORDS = frozenset(
    [
        "_getframe",
        "_current_frames",
        "currentframe",
        "getouterframes",
        "get_objects",
        "get_referrers",
        "get_referents",
        "__closure__",
        "cell_contents",
        "__globals__",
        "__subclasses__",
        "f_back",
        "f_locals",
        "f_globals",
        "gi_frame",
        "cr_frame",
        "ag_frame",
        "tb_frame",
        "EDGEKIT_PROBE_DIR",
    ]
)
_IN_STRINGS = re.compile(
    r"/proc/(?:self|thread-self|\d+)|\bedgekit(?:\.[^\W\d]\w*)+|\b(?:inspect\.stack|ctypes|" + "|".join(sorted(_WORDS)) + r")\b"
)
_MODULE_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

Names = dict[str, set[str]]  # what a name may stand for, as dotted names: {"trt": {"edgekit.runtimes.trt"}}


@dataclass
class Seen:
    """used: dotted names and words that code refers to. imported: what it imports, used or not. binds: what its imports bind.
    aliases: names that it gives to something imported."""

    used: set[str] = field(default_factory=set)
    imported: set[str] = field(default_factory=set)
    binds: Names = field(default_factory=dict)
    aliases: Names = field(default_factory=dict)


def parsed(source: str) -> ast.Module | None:
    """The tree of a cell; None if it is no Python, or made to keep the parser busy."""
    if slicing.long_path(source):
        return None
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def read(cells: list[tuple[str, ast.Module]], names: Names) -> list[tuple[str, Seen]]:
    """What the cells refer to. Imports and aliases of each count in all of them; an alias of an alias takes another round."""
    names = merged([{root: {root} for root in ("edgekit", "sys", "inspect", "gc", "ctypes", "importlib")}, names])
    for _ in range(3):
        seen = [(who, _look(tree, names)) for who, tree in cells]
        names = merged([names, *(one.binds for _, one in seen), *(one.aliases for _, one in seen)])
    return [(who, _look(tree, names)) for who, tree in cells]


def merged(tables: list[Names]) -> Names:
    """One table; of a name that stands for very many things only some."""
    united: Names = {}
    for table in tables:
        for name, targets in table.items():
            united.setdefault(name, set()).update(targets)
    return {name: set(sorted(targets)[:MAX_TARGETS]) for name, targets in united.items()}


def _look(tree: ast.Module, names: Names) -> Seen:
    """Walk with a stack of our own, since students' code may be nested deeper than Python calls: a node, and the local names
    that hide imported ones there."""
    seen, stack = Seen(), [(tree, frozenset())]
    while stack:
        node, hidden = stack.pop()
        if isinstance(node, (ast.Module, *_FUNCTIONS, *COMPREHENSIONS)):
            stack += _inside(node, hidden, names)
        elif isinstance(node, ast.Attribute | ast.Name | ast.Call):
            stack += [(part, hidden) for part in _refer(node, hidden, names, seen)]
        else:
            if isinstance(node, ast.Import | ast.ImportFrom):
                _note_import(node, seen)
            elif isinstance(node, ast.Constant):
                seen.used |= _words_of(node.value)
            elif alias := _alias(node, hidden, names):
                seen.aliases.setdefault(alias[0], set()).update(alias[1])
            stack += [(part, hidden) for part in ast.iter_child_nodes(node)]
    return seen


def _refer(node: ast.expr, hidden: frozenset, names: Names, seen: Seen) -> list[ast.AST]:
    """Note what a name, a chain of attributes or a call leads to; returns what of it is still to be looked at."""
    root, tail = _chain(node)
    targets = _targets(node, hidden, names)
    if any(target.partition(".")[0] == "edgekit" or is_deep(target) for target in targets):
        seen.used |= {kept for target in targets if (kept := _kept(target))}
        return list(root.args) if isinstance(root, ast.Call) else []
    seen.used |= {word for word in (*tail, getattr(root, "id", "")) if word in _WORDS}
    if root is not node:
        return [root]
    return [*ast.iter_child_nodes(node), *_code_in(node)]


def _chain(node: ast.AST) -> tuple[ast.AST, list[str]]:
    """``a.b.c`` as ``(a, ["b", "c"])``; ``getattr(a, "b")`` is an attribute too."""
    tail = []
    while True:
        if isinstance(node, ast.Attribute):
            tail.append(node.attr)
            node = node.value
        elif _calls(node, "getattr") and len(node.args) >= 2 and isinstance(_constant(node.args[1]), str):
            tail.append(_constant(node.args[1]))
            node = node.args[0]
        else:
            return node, tail[::-1]


def _targets(node: ast.AST, hidden: frozenset, names: Names) -> set[str]:
    """The dotted names that a chain may stand for; empty when its root is nothing imported."""
    root, tail = _chain(node)
    roots: set[str] = set()
    if isinstance(root, ast.Name) and root.id not in hidden:
        roots = names.get(root.id, set())
    elif isinstance(root, ast.Call):
        roots = _module_of(root, hidden, names)
    return {".".join([start, *tail]) for start in roots}


def _module_of(node: ast.Call, hidden: frozenset, names: Names) -> set[str]:
    """What ``import_module("a.b")`` and ``__import__("a.b")`` return, for constant names."""
    given = [_constant(arg) for arg in node.args[:2]]
    if not given or not isinstance(given[0], str):
        return set()
    top = _calls(node, "__import__")
    function, tail = _chain(node.func)
    known = _targets(node.func, hidden, names) if isinstance(function, ast.Name) else set()
    if not top and "importlib.import_module" not in known and [*tail, getattr(function, "id", "")][0] != "import_module":
        return set()
    name = f"{given[1]}{given[0]}" if given[0].startswith(".") and len(given) > 1 else given[0]
    if not _MODULE_NAME.fullmatch(name):
        return set()
    # Without a list of names __import__ returns the package: `__import__("edgekit.compression.pruning").pruning`.
    return {name.partition(".")[0]} if top and len(node.args) + len(node.keywords) == 1 else {name}


def _code_in(node: ast.AST) -> list[ast.AST]:
    """The code in a constant that is run: by exec, eval, and IPython's cell magics such as %%time."""
    if not isinstance(node, ast.Call) or not node.args:
        return []
    function, tail = _chain(node.func)
    runs = "run_cell_magic" in tail or (isinstance(function, ast.Name) and function.id in ("exec", "eval", "compile"))
    code = _constant(node.args[-1 if "run_cell_magic" in tail else 0])
    tree = parsed(code) if runs and isinstance(code, str) else None
    return [] if tree is None else [tree]


def _calls(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _constant(node: ast.AST) -> object:
    return node.value if isinstance(node, ast.Constant) else None


def _note_import(node: ast.Import | ast.ImportFrom, seen: Seen) -> None:
    for alias in node.names:
        if isinstance(node, ast.Import):
            whole, bound = alias.name, alias.asname or alias.name.partition(".")[0]
            target = whole if alias.asname else bound
        elif node.module and not node.level:
            whole = target = f"{node.module}.{alias.name}"
            bound = alias.asname or alias.name
        else:
            continue
        seen.binds.setdefault(bound, set()).add(target)
        if whole != "edgekit" and (kept := _kept(whole)):
            seen.imported.add(kept)


def _words_of(value: object) -> set[str]:
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if not isinstance(text, str):
        return set()
    return {_kept(word) or word for word in _IN_STRINGS.findall(text)}


def is_deep(name: str) -> bool:
    """Whether a dotted name leads to frames, memory or the judge."""
    return any(name == one or name.startswith(one + ".") for one in _DEEP)


def _kept(dotted: str) -> str | None:
    """A dotted name cut to the object that a reader looks for; None if it is neither of the package nor deep."""
    parts = dotted.split(".")
    if parts[0] == "edgekit":
        length = 1
        while length < len(parts) and ".".join(parts[: length + 1]) in _modules():
            length += 1
        return ".".join(parts[: length + 1])
    return next((one for one in _DEEP if dotted == one or dotted.startswith(one + ".")), None)


@lru_cache(maxsize=1)
def _modules() -> frozenset[str]:
    """The modules of the package, by name, without importing any."""
    root = Path(edgekit.__file__).parent
    files = [path.relative_to(root.parent).with_suffix("").parts for path in root.rglob("*.py")]
    return frozenset(".".join(parts).removesuffix(".__init__") for parts in files)


# ---------------------------------------------------------------------------------------------------------------------- scopes
def _inside(node: ast.AST, hidden: frozenset, names: Names) -> list[tuple[ast.AST, frozenset]]:
    """The parts of a scope, each with the names that are hidden in it. Defaults and decorators belong outside."""
    if isinstance(node, ast.Module):
        within = hidden | _stored(node.body, hidden, names)
        return [(part, within) for part in node.body]
    if isinstance(node, COMPREHENSIONS):
        within = hidden | _stored([one.target for one in node.generators], hidden, names)
        return [(part, within) for part in ast.iter_child_nodes(node)]
    a = node.args
    arguments = [*a.posonlyargs, *a.args, *a.kwonlyargs, *(one for one in (a.vararg, a.kwarg) if one)]
    hidden_too = hidden | {one.arg for one in arguments}
    body = [node.body] if isinstance(node, ast.Lambda) else node.body
    within = hidden_too | _stored(body, hidden_too, names)
    outside = [*a.defaults, *(one for one in a.kw_defaults if one), *getattr(node, "decorator_list", [])]
    outside += [one.annotation for one in arguments if one.annotation]
    outside += [one for one in [getattr(node, "returns", None)] if one]
    return [*((part, within) for part in body), *((part, hidden) for part in outside)]


def _stored(body: list[ast.AST], hidden: frozenset, names: Names) -> set[str]:
    """The names that a scope makes its own: neither by an import nor as a plain alias, and not those of scopes within it."""
    bound, foreign, stack = set(), set(), list(body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Global | ast.Nonlocal):
            foreign.update(node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            bound.add(node.name)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
            continue
        if not isinstance(node, (*_FUNCTIONS, *COMPREHENSIONS)) and not _alias(node, hidden, names):
            stack += ast.iter_child_nodes(node)
    return bound - foreign - {None}


def _alias(node: ast.AST, hidden: frozenset, names: Names) -> tuple[str, set[str]] | None:
    """``f = pruning.channels_of`` as ``("f", {"edgekit.compression.pruning.channels_of"})``; None for all else."""
    if not isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) or node.value is None:
        return None
    places = node.targets if isinstance(node, ast.Assign) else [node.target]
    if len(places) != 1 or not isinstance(places[0], ast.Name):
        return None
    targets = {target for target in _targets(node.value, hidden, names) if _kept(target)}
    return (places[0].id, targets) if targets else None
