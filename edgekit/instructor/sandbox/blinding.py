"""What a student's process must not have: the judges, what inputs are drawn from, and the reference answers that only these use.

A check has a half that runs the student's code and a half that knows what is right, in one file. Before a job of a student begins,
process 1 imports the checks that the job asks for and takes the second half out of memory; then the files are covered
(:func:`edgekit.instructor.sandbox.jail.enclose`). So the judge's messages cannot be asked and its source cannot be read, whatever
name is put together at run time. Without namespaces the files stay.
"""

from __future__ import annotations

import functools
import gc
import importlib
import sys
import types
from pathlib import Path

PACKAGE = "edgekit.checks"
Place = tuple[int, str]  # a module's table, by its id, and a name in it


def blind(labs: set[str]) -> Path:
    """Import the checks of these labs without what only judges need. Returns the folder of all checks."""
    from edgekit.checks import Exercise

    for name in sorted(labs):
        importlib.import_module(f"{PACKAGE}.{name}")
    # A warm process has imported all labs: their judges go, too.
    spaces = [vars(module) for name, module in list(sys.modules.items()) if _of_a_lab(name) and module]
    exercises = {id(v): v for space in spaces for v in space.values() if isinstance(v, Exercise)}.values()
    judges = _reached([part for one in exercises for part in (one.judge, one.inputs)])
    hidden = (judges | {(id(s), name) for s in spaces for name in ("judge", "inputs")}) - _reached([e.probe for e in exercises])
    for space in spaces:
        for name, value in list(space.items()):
            if (id(space), name) in hidden and not isinstance(value, Exercise | types.ModuleType):
                del space[name]
    for one in exercises:
        object.__setattr__(one, "judge", None)
        object.__setattr__(one, "inputs", None)
    gc.collect()
    return Path(sys.modules[PACKAGE].__file__).parent


def _of_a_lab(name: str) -> bool:
    """Labs are folders; the modules beside them are what all checks share, and know no answer."""
    lab = sys.modules.get(".".join(name.split(".")[:3]))
    return name.startswith(f"{PACKAGE}.") and hasattr(lab, "__path__")


def _reached(functions: list) -> set[Place]:
    """Which names of the checks' modules these functions use, and the functions and classes behind them, and so on."""
    found: set[Place] = set()
    waiting, seen = list(functions), set()
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        waiting += _parts(value)
        code = getattr(value, "__code__", None)
        space = getattr(value, "__globals__", {})
        if code is None or not str(space.get("__name__", "")).startswith(PACKAGE):
            continue
        names = _names(code)
        for table in [space, *(vars(space[n]) for n in names if isinstance(space.get(n), types.ModuleType))]:
            if str(table.get("__name__", "")).startswith(PACKAGE):
                found |= {(id(table), name) for name in names if name in table}
                waiting += [table[name] for name in names if name in table]
    return found


def _parts(value: object) -> list:
    """Functions and classes that a value holds: in a wrapper, a class, a table, a closure, or as a default."""
    parts = [getattr(value, "__wrapped__", None), getattr(value, "__func__", None), getattr(value, "fget", None)]
    if isinstance(value, functools.partial):
        parts.append(value.func)
    if isinstance(value, types.FunctionType):
        parts += [cell.cell_contents for cell in value.__closure__ or () if cell != types.CellType()]
        parts += [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
    elif isinstance(value, type):
        parts += [*vars(value).values(), *value.__mro__[1:]] if value.__module__.startswith(PACKAGE) else []
    elif isinstance(value, dict | list | tuple | set | frozenset) and len(value) <= 1000:
        parts += list(value.values() if isinstance(value, dict) else value)
    elif type(value).__module__.startswith(PACKAGE):
        parts += [type(value), *getattr(value, "__dict__", {}).values()]
    return [part for part in parts if part is not None and not isinstance(part, str | bytes | int | float)]


def _names(code: types.CodeType) -> set[str]:
    inner = [one for one in code.co_consts if isinstance(one, types.CodeType)]
    return set(code.co_names).union(*map(_names, inner)) if inner else set(code.co_names)
