"""Builds the template's functions and layers for one architecture."""

import fcntl
import hashlib
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from devstack import processes, trim
from devstack.toolchain import BUILDS, ROOT, SAM, TEMPLATE, LocalStackError, build_environment, last_line, require_tools

_SOURCES = ("template.yaml", "dashboard.yaml", "samconfig.toml", "openclaw.json", "tools/sam.txt")
_SOURCE_FOLDERS = ("functions", "layers", "statemachines")


def build_template(
    architecture: str, target: Path, *, environ: Mapping[str, str], report: Callable[[str], None] = print
) -> Path:
    """Build into `target` unless it already holds a build of the same sources; return the built template.

    The layers are trimmed too, unless `environ` turns that off.

    Raises:
        LocalStackError: The tools are missing, or the build failed.
    """
    require_tools(SAM)
    BUILDS.mkdir(exist_ok=True)
    stamp = target.with_name(f"{target.name}.sources")
    with (BUILDS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        trimmed = trim.is_wanted(environ)
        sources = _fingerprint(architecture, "trimmed" if trimmed else "whole")
        if (target / TEMPLATE.name).exists() and stamp.exists() and stamp.read_text() == sources:
            return target / TEMPLATE.name
        stamp.unlink(missing_ok=True)
        report(f"Building functions and layers for {architecture}")
        _run_sam(architecture, target, environ)
        if trimmed:
            trim.trim_layers(target)
        stamp.write_text(sources)
    return target / TEMPLATE.name


def _run_sam(architecture: str, target: Path, environ: Mapping[str, str]) -> None:
    log = target.with_name(f"{target.name}.log")
    command = [str(SAM), "build", "--template-file", str(TEMPLATE), "--build-dir", str(target)]
    command += ["--cached", "--cache-dir", str(BUILDS / f"cache-{architecture}"), "--parallel"]
    command += ["--parameter-overrides", f"Architecture={architecture}"]
    succeeded = processes.run_process(
        command, environment=build_environment(environ), cwd=ROOT, token=f"build-{uuid.uuid4()}", log=log
    )
    if not succeeded:
        raise LocalStackError(f"sam build failed: {last_line(log)}", log)


def _fingerprint(*choices: str) -> str:
    """Return a digest of everything that a build depends on."""
    digest = hashlib.sha256(" ".join(choices).encode())
    digest.update(Path(trim.__file__).read_bytes())
    for path in _source_files():
        digest.update(f"\0{path.relative_to(ROOT)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _source_files() -> Iterator[Path]:
    yield from (ROOT / name for name in _SOURCES)
    for folder in _SOURCE_FOLDERS:
        for directory, subdirectories, names in os.walk(ROOT / folder):
            subdirectories[:] = sorted(name for name in subdirectories if name != "__pycache__")
            yield from (Path(directory, name) for name in sorted(names))
