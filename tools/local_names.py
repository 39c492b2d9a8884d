"""Prints how many local names say how a thing came, not what it is: `python tools/local_names.py [--list] FOLDER...`.

A local name is one that a function or comprehension binds, parameters left out; it counts once for each of them.
"""

import argparse
import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

FILLER = frozenset({"each", "found", "own", "stated", "told", "known", "made", "wanted", "asked", "given", "mine"})
LIMIT_PERCENT = 2.0
"""`make check` fails above it."""
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def scopes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield every function and comprehension."""
    return (node for node in ast.walk(tree) if isinstance(node, _SCOPES))


def bound_in(scope: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield the names that a scope binds itself, with the line of the first binding."""
    lines: dict[str, int] = {}
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            lines.setdefault(node.id, node.lineno)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            lines.setdefault(node.name, node.lineno)
        if not isinstance(node, (*_SCOPES, ast.Lambda, ast.ClassDef, ast.arguments)):
            waiting += ast.iter_child_nodes(node)
    return iter(lines.items())


def main() -> None:
    """Print a line for each folder, and each filler name with `--list`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--list", action="store_true", help="print where each of them is")
    options = parser.parse_args()
    names: Counter[Path] = Counter()
    fillers: Counter[Path] = Counter()
    for folder in options.folders:
        for path in sorted(folder.rglob("*.py")):
            for scope in scopes(ast.parse(path.read_text(encoding="utf-8"))):
                for name, line in bound_in(scope):
                    names[folder] += 1
                    fillers[folder] += name in FILLER
                    if options.list and name in FILLER:
                        print(f"{path}:{line}: {name}")
    for folder in options.folders:
        share = 100 * fillers[folder] / max(names[folder], 1)
        print(f"{folder!s:<16} {fillers[folder]:>5} of {names[folder]:>5} local names are filler: {share:.1f}%")
    share = 100 * fillers.total() / max(names.total(), 1)
    print(f"{'all':<16} {fillers.total():>5} of {names.total():>5} local names are filler: {share:.1f}%")
    if share >= LIMIT_PERCENT:
        raise SystemExit(f"more than {LIMIT_PERCENT}% of the local names are filler: name them for what they are")


if __name__ == "__main__":
    main()
