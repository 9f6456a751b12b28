"""Small changes to right answers, made automatically: operators, constants, indices, names."""

import ast
import copy
from collections.abc import Iterator

__all__ = ["changes", "mutant", "mutants"]

OPERATORS = {
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Add, ast.Div],
    ast.Div: [ast.Mult],
    ast.MatMult: [ast.Mult],
    ast.Pow: [ast.Mult],
}
COMPARISONS = {
    ast.Lt: [ast.LtE, ast.Gt],
    ast.LtE: [ast.Lt],
    ast.Gt: [ast.GtE, ast.Lt],
    ast.GtE: [ast.Gt],
    ast.Eq: [ast.NotEq],
    ast.Is: [ast.IsNot],
}
FUNCTIONS = {
    "tanh": "sin",
    "sigmoid": "abs_",
    "exp": "expm1",
    "log": "log1p",
    "max": "min",
    "sum": "mean",
    "mean": "sum",
    "var": "std",
    "argmax": "argmin",
    "zeros_like": "ones_like",
    "ones_like": "zeros_like",
    "zeros": "ones",
    "multiply": "add",
    "add": "multiply",
    "ones": "zeros",
}


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield what a node may be replaced by, each with a description."""
    if isinstance(node, ast.BinOp):
        for kind in OPERATORS.get(type(node.op), []):
            yield kind.__name__, _with(node, op=kind())
        if isinstance(node.op, ast.Sub | ast.Div | ast.MatMult):
            yield "exchanged", _with(node, left=node.right, right=node.left)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for kind in COMPARISONS.get(type(node.ops[0]), []):
            yield kind.__name__, _with(node, ops=[kind()])
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield "plus 1", _with(node, value=node.value + 1)
        if node.value:
            yield "negated", ast.UnaryOp(ast.USub(), ast.Constant(node.value))
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "turned", _with(node, value=not node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "sign lost", node.operand
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield "not transposed", node.value
    if isinstance(node, ast.Attribute) and node.attr in FUNCTIONS:
        yield FUNCTIONS[node.attr], _with(node, attr=FUNCTIONS[node.attr])
    if isinstance(node, ast.Attribute) and node.attr[:2] in ("W_", "b_", "p_"):
        for gate in "fico":
            if gate != node.attr[2:]:
                yield f"gate {gate}", _with(node, attr=node.attr[:2] + gate)
    if isinstance(node, ast.Call) and len(node.args) >= 2:
        yield "arguments exchanged", _with(node, args=[node.args[1], node.args[0], *node.args[2:]])
    if isinstance(node, ast.Tuple | ast.List) and len(node.elts) == 2:
        if not isinstance(node.ctx, ast.Store):
            yield "exchanged", _with(node, elts=node.elts[::-1])


def _with(node: ast.AST, **fields: object) -> ast.AST:
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


class _Replace(ast.NodeTransformer):
    def __init__(self, target: ast.AST, new: ast.AST) -> None:
        self.target, self.new = target, new

    def visit(self, node: ast.AST) -> ast.AST:
        if node is self.target:
            return ast.copy_location(self.new, node)
        return self.generic_visit(node)


def mutants(source: str, function: str) -> Iterator[tuple[str, str]]:
    """Yield ``(description, source)`` of every single change inside a function of `source`."""
    for k in range(changes(source, function)):
        yield mutant(source, function, k)


def changes(source: str, function: str) -> int:
    """Count the single changes there are."""
    return len(list(_places(ast.parse(source), function)))


def mutant(source: str, function: str, k: int) -> tuple[str, str]:
    """Return ``(description, source)`` of the k-th single change."""
    tree = ast.parse(source)
    node, name, new = list(_places(tree, function))[k]
    line = ast.unparse(node)
    changed = ast.fix_missing_locations(_Replace(node, new).visit(tree))
    return f"line {node.lineno}, {line}: {name}", ast.unparse(changed)


def _places(tree: ast.Module, function: str) -> Iterator[tuple[ast.AST, str, ast.AST]]:
    (definition,) = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function)
    for statement in definition.body:
        for node in ast.walk(statement):
            for name, new in _changes(node):
                yield node, name, new
