"""Removes unused distributions, and the tests of the others, from the built layers and compiles the rest; no file of a
layer is changed.

`POINTSMAN_WHOLE_BUILD=1` in the environment turns all of it off.
"""

import csv
import importlib.util
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from devstack.toolchain import SAM, LocalStackError

SETTING = "POINTSMAN_WHOLE_BUILD"
_CORE = "CoreLayer"
LEFT_OUT = {
    "GeminiLayer": (
        # For Google's service accounts; an API key needs none of them.
        *("cryptography", "cffi", "pycparser", "pyasn1", "pyasn1_modules"),
        # For Google's metadata server and downloads; botocore uses the runtime's urllib3.
        *("requests", "charset_normalizer", "urllib3"),
        "distro",
    ),
}
"""Distributions that are never imported, by layer; a test holds that."""
_UNCHECKED = 0b01
"""Flags of a .pyc file that is loaded without a check of its source (PEP 552)."""


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Return whether the layers are trimmed and compiled."""
    return environ.get(SETTING, "") != "1"


def trim_layers(target: Path) -> None:
    """Remove distributions that are never imported or already in the core layer, which every function has, and folders
    of tests; compile.

    Raises:
        LocalStackError: Python would not use the bytecode.
    """
    core = target / _CORE / "python"
    for name, distributions in LEFT_OUT.items():
        for distribution in distributions:
            for info in (target / name / "python").glob(f"{distribution}-*.dist-info"):
                _remove(info)
    for layer in _layers(target):
        for info in sorted(layer.glob("*.dist-info")):
            if layer != core and (core / info.name).exists():
                _remove(info)
        for tests in [folder for folder in layer.rglob("tests") if folder.is_dir()]:
            shutil.rmtree(tests, ignore_errors=True)
    _compile(target)
    check_bytecode(core / "pointsman")


def _layers(target: Path) -> Iterator[Path]:
    yield from sorted(target.glob("*Layer/python"))


def _remove(info: Path) -> None:
    """Remove the files that a distribution's RECORD lists."""
    layer = info.parent
    with (info / "RECORD").open(newline="") as record:
        files = [layer / row[0] for row in csv.reader(record) if not row[0].startswith("..")]
    for file in files:
        file.unlink(missing_ok=True)
    for folder in sorted(
        {parent for file in files for parent in file.parents if layer in parent.parents}, reverse=True
    ):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    shutil.rmtree(info, ignore_errors=True)


def _compile(target: Path) -> None:
    """Compile the layers to unchecked .pyc files: a zip keeps no exact times to compare with.

    Without them, each cold start would compile the modules again on Lambda's read-only file system, which takes as long
    as the imports themselves.
    """
    options = ["-qq", "-j", "0", "--invalidation-mode", "unchecked-hash", "-s", str(target), "-p", "/opt"]
    # Some packages ship templates that are not valid Python: those stay as they are.
    command = [str(SAM.with_name("python")), "-m", "compileall", *options, *map(str, _layers(target))]
    subprocess.run(command, check=False)


def check_bytecode(package: Path) -> None:
    """Check that each module has bytecode of its current source, which Lambda's Python loads without a check.

    Raises:
        LocalStackError: A module has none.
    """
    for source in package.rglob("*.py"):
        compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc"
        head = compiled.read_bytes()[:16] if compiled.exists() else b""
        expected = importlib.util.source_hash(source.read_bytes())
        if head[4:16] != _UNCHECKED.to_bytes(4, "little") + expected:
            raise LocalStackError(f"{source.name} has no bytecode that Python would use: build again")
