"""Collects every name of TensorRT that a piece of Python uses, by walking its syntax tree.

What an expression is follows from where it comes from (``builder.create_network()`` is an INetworkDefinition), and for parameters and
attributes from their name (``self._engine`` is an ICudaEngine): see RETURNS and NAMED. A use inside ``if features(trt).x:`` (or behind
``if not features(trt).x: return``) is guarded by x.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path

MODULE = "module"
# What a variable, parameter or attribute of this name is; leading underscores are dropped.
NAMED = {
    "trt": MODULE,
    "module": MODULE,
    "builder": "Builder",
    "network": "INetworkDefinition",
    "config": "IBuilderConfig",
    "parser": "OnnxParser",
    "parser_error": "ParserError",
    "runtime": "Runtime",
    "engine": "ICudaEngine",
    "context": "IExecutionContext",
    "inspector": "EngineInspector",
    "tensor": "ITensor",
    "layer": "ILayer",
    "severity": "ILogger.Severity",
    "monitor": "IProgressMonitor",
}
RETURNS = {
    "get_plugin_registry": "IPluginRegistry",
    "Builder.create_network": "INetworkDefinition",
    "Builder.create_builder_config": "IBuilderConfig",
    "Builder.create_optimization_profile": "IOptimizationProfile",
    "Builder.build_serialized_network": "IHostMemory",
    "INetworkDefinition.get_input": "ITensor",
    "INetworkDefinition.get_output": "ITensor",
    "INetworkDefinition.get_layer": "ILayer",
    "OnnxParser.get_error": "ParserError",
    "IBuilderConfig.create_timing_cache": "ITimingCache",
    "IBuilderConfig.get_timing_cache": "ITimingCache",
    "ITimingCache.serialize": "IHostMemory",
    "Runtime.deserialize_cuda_engine": "ICudaEngine",
    "ICudaEngine.create_execution_context": "IExecutionContext",
    "ICudaEngine.create_engine_inspector": "EngineInspector",
    "ICudaEngine.create_runtime_config": "IRuntimeConfig",
}


@dataclass(frozen=True)
class Use:
    """One name in one place. guards: features whose test encloses it."""

    name: str
    file: str
    line: int
    guards: frozenset[str] = frozenset()


class Collector(ast.NodeVisitor):
    """uses: list of Use. dynamic: places where a name is computed, which no contract can hold."""

    def __init__(self, file: str, features: set[str]):
        self.file, self.features = file, features
        self.uses: list[Use] = []
        self.dynamic: list[tuple[str, int]] = []
        self.guards: frozenset[str] = frozenset()
        self.scopes: list[dict[str, str | None]] = [{}]
        self.ours: set[str] = set()  # modules of the course's: plots.engine is no engine

    # -------------------------------------------------------------------------------------- what an expression is
    def kind(self, node) -> str | None:
        if isinstance(node, ast.Name):
            for scope in reversed(self.scopes):
                if node.id in scope:
                    return scope[node.id]
            return NAMED.get(node.id.lstrip("_"))
        if isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and node.value.id == "plots":
                return None  # plots.engine is a module of ours
            owner = self.kind(node.value)
            if owner == MODULE:
                return node.attr
            if owner is not None or (isinstance(node.value, ast.Name) and node.value.id in self.ours):
                return None
            return NAMED.get(node.attr.lstrip("_"))
        if isinstance(node, ast.Call):
            if isinstance(node.func, (ast.Attribute, ast.Name)) and self._last(node.func) == "api":
                return MODULE  # edgekit.runtimes.trt.api()
            if isinstance(node.func, ast.Attribute):
                owner = self.kind(node.func.value)
                name = node.func.attr
                return RETURNS.get(name, name) if owner == MODULE else RETURNS.get(f"{owner}.{name}")
        if isinstance(node, ast.IfExp):
            return self.kind(node.body)
        return None

    @staticmethod
    def _last(node) -> str:
        return node.attr if isinstance(node, ast.Attribute) else node.id

    def bind(self, target, kind: str | None) -> None:
        if isinstance(target, ast.Name):
            # A name that says what it is keeps saying so when its value cannot be followed, unless it is something else for certain.
            self.scopes[-1][target.id] = kind or (NAMED.get(target.id.lstrip("_")))
        elif isinstance(target, (ast.Tuple, ast.List)):
            for part in target.elts:
                self.bind(part, None)

    # -------------------------------------------------------------------------------------- uses
    def use(self, name: str, line: int) -> None:
        if not name.rpartition(".")[2].startswith("__"):
            self.uses.append(Use(name, self.file, line, self.guards))

    def visit_Attribute(self, node):
        owner = self.kind(node.value)
        if owner == MODULE:
            self.use(node.attr, node.lineno)
        elif owner is not None:
            self.use(f"{owner}.{node.attr}", node.lineno)
        self.generic_visit(node)

    def visit_Call(self, node):
        if isinstance(node.func, ast.Name) and node.func.id in ("getattr", "setattr", "hasattr") and node.args:
            owner = self.kind(node.args[0])
            if owner is not None and node.func.id != "hasattr":
                name = node.args[1]
                if isinstance(name, ast.Constant):
                    self.use(name.value if owner == MODULE else f"{owner}.{name.value}", node.lineno)
                else:
                    self.dynamic.append((self.file, node.lineno))
        self.generic_visit(node)

    def visit_ClassDef(self, node):
        bases = [kind for kind in map(self.kind, node.bases) if kind]
        for item in node.body:  # overriding a method that is not there would never be called
            if bases and isinstance(item, ast.FunctionDef) and not item.name.startswith("_"):
                self.use(f"{bases[0]}.{item.name}", item.lineno)
        self.generic_visit(node)

    # -------------------------------------------------------------------------------------- bindings and scopes
    def visit_Assign(self, node):
        self.generic_visit(node)
        for target in node.targets:
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple) and len(target.elts) == len(node.value.elts):
                for part, value in zip(target.elts, node.value.elts, strict=True):
                    self.bind(part, self.kind(value))
            else:
                self.bind(target, self.kind(node.value))

    def visit_Import(self, node):
        for alias in node.names:
            if alias.name in ("tensorrt", "tensorrt_rtx"):
                self.scopes[-1][alias.asname or alias.name] = MODULE

    def visit_ImportFrom(self, node):
        for alias in node.names:  # from edgekit.runtimes import trt: ours, not TensorRT
            self.scopes[-1][alias.asname or alias.name] = None
            self.ours.add(alias.asname or alias.name)

    def visit_ExceptHandler(self, node):
        if node.name:
            self.scopes[-1][node.name] = None
        self.generic_visit(node)

    def visit_FunctionDef(self, node):
        self.scopes.append({})
        self.generic_visit(node)
        self.scopes.pop()

    # -------------------------------------------------------------------------------------- guards
    def tested(self, node) -> set[str]:
        """Features that are certainly there where this test is true."""
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            return set().union(*map(self.tested, node.values))
        if isinstance(node, ast.Attribute) and node.attr in self.features and isinstance(node.value, ast.Call):
            return {node.attr} if self._last(node.value.func) == "features" else set()
        return set()

    def visit_If(self, node):
        self.visit(node.test)
        self._guarded(node.body, self.tested(node.test))
        self._guarded(node.orelse, set())

    def visit_IfExp(self, node):
        self.visit(node.test)
        self._guarded([node.body], self.tested(node.test))
        self.visit(node.orelse)

    def _guarded(self, body, extra: set[str]) -> None:
        before, self.guards = self.guards, self.guards | extra
        self._block(body)
        self.guards = before

    def _block(self, body) -> None:
        before = self.guards
        for statement in body:
            self.visit(statement)
            leaves = isinstance(statement, ast.If) and isinstance(statement.body[-1], (ast.Return, ast.Raise))
            if leaves and isinstance(statement.test, ast.UnaryOp) and isinstance(statement.test.op, ast.Not):
                self.guards |= self.tested(statement.test.operand)
        self.guards = before

    def generic_visit(self, node):
        for _, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                self._block(value)
            elif isinstance(value, list):
                for item in value:
                    if isinstance(item, ast.AST):
                        self.visit(item)
            elif isinstance(value, ast.AST):
                self.visit(value)


def collect(source: str, file: str, features: set[str]) -> Collector:
    collector = Collector(file, features)
    tree = ast.parse(source, file)
    collector._block(tree.body)
    return collector


def code_of(path: Path) -> str:
    """Python of a module, or of all code cells of a notebook."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = [c for c in json.loads(text)["cells"] if c["cell_type"] == "code"]
    return "\n\n".join("".join(cell["source"]) for cell in cells)


def told_by(path: Path) -> list[str]:
    """The Python in a notebook's text: fenced blocks and code spans, as far as they parse."""
    cells = [c for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "markdown"]
    text = "\n\n".join("".join(cell["source"]) for cell in cells)
    fences = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    return [code for code in (*fences, *spans) if _parses(code)]


def _parses(code: str) -> bool:
    try:
        ast.parse(code)
    except SyntaxError:
        return False
    return True
