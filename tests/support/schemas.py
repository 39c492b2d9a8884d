"""The JSON documents of commands, held against their schemas in docs/schemas."""

import json
import sys
from functools import cache
from types import ModuleType
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pointsman_cli import output
from tests.support.paths import ROOT

SCHEMAS = ROOT / "docs" / "schemas"


@cache
def _validator(name: str) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def check_document(name: str, document: Any) -> None:
    """Hold what `pointsman NAME --json` printed against its schema."""
    errors = [f"{'.'.join(map(str, error.path))}: {error.message}" for error in _validator(name).iter_errors(document)]
    assert errors == [], errors


_OTHERS_FORMAT = frozenset({"mcp", "config-show", "openclaw-skill"})
"""Commands whose document is in the format of an MCP client, of openclaw.json or of a skill."""


_LINES_OF = {"task_lines": "submit"}
"""Commands whose lines another module prints."""


def schema_of(command: ModuleType, function: str) -> str:
    """Return the name of the schema for what a function of a command's module prints."""
    name = command.__name__.rpartition(".")[2]
    if name == "app":
        return "error"
    if function == "_print_outcome":
        return f"{name}-outcome"
    subcommands = [key for key, value in getattr(command, "COMMANDS", {}).items() if value.__name__ == function]
    return "-".join([name, *subcommands])


def check_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold every document that a command prints from here on against its schema, which must be there."""
    print_document = output.print_document

    def checked(value: Any) -> None:
        frame = sys._getframe(1)
        module = sys.modules[frame.f_globals["__name__"]]
        name = schema_of(module, frame.f_code.co_name)
        if module.__name__.startswith("pointsman_cli.") and name not in _OTHERS_FORMAT:
            check_document(name, json.loads(output.json_text(value)))
        print_document(value)

    print_line = output.print_json_line

    def checked_line(value: Any) -> None:
        package, _, module = sys._getframe(1).f_globals["__name__"].rpartition(".")
        if package.startswith("pointsman_cli"):
            check_document(f"{_LINES_OF.get(module, module)}-line", json.loads(json.dumps(value)))
        print_line(value)

    monkeypatch.setattr(output, "print_document", checked)
    monkeypatch.setattr(output, "print_json_line", checked_line)
