"""What a build leaves out of the layers and puts into them, beside what `sam build` does; no file of theirs is changed.

`POINTSMAN_WHOLE_BUILD=1` in the environment leaves all of it undone.
"""

import csv
import importlib.util
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from devstack.errors import LocalStackError
from devstack.toolchain import SAM

SETTING = "POINTSMAN_WHOLE_BUILD"
CORE = "CoreLayer"
LEFT_OUT = {
    # Powertools' tracer brings it. Lambda's runtime has boto3 with the botocore that belongs to it; another one in a
    # layer would take its place. It is also the half of all files that a cold start has to unpack.
    CORE: ("botocore",),
    # Google's sign-in with service accounts; an API key needs none of it.
    "GeminiLayer": ("cryptography", "cffi", "pycparser", "pyasn1", "pyasn1_modules"),
}
"""Distributions that are never imported, by layer (a test looks)."""
_UNCHECKED = 0b01
"""Flags of a .pyc file that is used without a look at its source (PEP 552)."""


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Return whether the layers are trimmed and compiled."""
    return environ.get(SETTING, "") != "1"


def trim(target: Path) -> None:
    """Leave out what is never imported, and what the core layer, which every function has, brings already; compile.

    Raises:
        LocalStackError: What was compiled would not be used.
    """
    core = target / CORE / "python"
    for name, distributions in LEFT_OUT.items():
        for distribution in distributions:
            for info in (target / name / "python").glob(f"{distribution}-*.dist-info"):
                _remove(info)
    for layer in _layers(target):
        for info in sorted(layer.glob("*.dist-info")):
            if layer != core and (core / info.name).exists():
                _remove(info)
    _compile(target)
    check(core / "pointsman")


def _layers(target: Path) -> Iterator[Path]:
    yield from sorted(target.glob("*Layer/python"))


def _remove(info: Path) -> None:
    """Remove a distribution's files, as its own record lists them."""
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
    """Compile the layers, as unchecked .pyc files: a zip keeps no exact time to compare with.

    On Lambda, whose file system is read-only, each cold start would compile them anew, which takes as long again as the
    imports themselves.
    """
    options = ["-qq", "-j", "0", "--invalidation-mode", "unchecked-hash", "-s", str(target), "-p", "/opt"]
    # Some packages ship templates that are no valid Python: what does not compile is left as it is.
    command = [str(SAM.with_name("python")), "-m", "compileall", *options, *map(str, _layers(target))]
    subprocess.run(command, check=False)


def check(package: Path) -> None:
    """Check that each module has bytecode of this source, which Lambda's Python takes without looking at the source.

    Raises:
        LocalStackError: One has not.
    """
    for source in package.rglob("*.py"):
        compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc"
        head = compiled.read_bytes()[:16] if compiled.exists() else b""
        expected = importlib.util.source_hash(source.read_bytes())
        if head[4:16] != _UNCHECKED.to_bytes(4, "little") + expected:
            raise LocalStackError(f"{source.name} has no bytecode that would be used: build again")
