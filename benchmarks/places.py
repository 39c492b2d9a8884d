"""Where the tools and the artifacts are, and what a function's environment holds."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from devstack.toolchain import ROOT, SAM, host_architecture

LAMBDA = ROOT / ".tools/lambda"
"""awslambdaric and boto3: what Lambda's runtime has beside a function."""
LITELLM = ROOT / ".tools/litellm"
WORK = ROOT / "build/bench"
RESULTS = ROOT / "build/bench.json"
PAGE = ROOT / "docs/performance.md"
PICTURES = ROOT / "docs/performance"
LAYERS = {
    "router": ("CoreLayer", "GeminiLayer", "ClaudeLayer"),
    "orchestration": ("CoreLayer", "GeminiLayer"),
    "implementation": ("CoreLayer", "ClaudeLayer"),
    "reasoning": ("CoreLayer", "ClaudeLayer"),
    "delivery": ("CoreLayer",),
    "cost_report": ("CoreLayer",),
    "sweep": ("CoreLayer",),
    "front_door": ("CoreLayer",),
}
"""Each function's layers as template.yaml has them (a test compares)."""
TIER_MODELS = {
    "orchestration": "gemini-3.5-flash-lite",
    "implementation": "claude-haiku-5-5",
    "reasoning": "claude-sonnet-5-5",
}
"""The models of the shipped openclaw.json (a test compares)."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A function as Lambda would lay it out."""

    code: Path
    """/var/task."""
    libraries: tuple[Path, ...] = ()
    """/opt, a layer each, in the order in which they are looked through."""

    @property
    def bytes(self) -> int:
        """Unzipped bytes of the function and its layers."""
        return sum(
            path.stat().st_size
            for folder in (self.code, *self.libraries)
            for path in folder.rglob("*")
            if path.is_file() and not path.is_symlink()
        )


def python_of(tool: Path) -> Path:
    """Return a tool's interpreter."""
    return tool / "bin/python"


def packages_of(tool: Path) -> Path:
    """Return where a tool's packages are."""
    return next((tool / "lib").glob("python3.*")) / "site-packages"


def compiled(*tools: Path) -> None:
    """Compile the packages of tools, so that none is charged for missing .pyc."""
    for tool in tools:
        command = [str(python_of(tool)), "-m", "compileall", "-q", "-j", "0", str(packages_of(tool))]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def emulator() -> Path:
    """Return Lambda's Runtime Interface Emulator, which aws-sam-cli carries."""
    return packages_of(SAM.parents[1]) / f"samcli/local/rapid/aws-lambda-rie-{host_architecture()}"


def built_function(build: Path, name: str) -> Artifact:
    """Return a built function."""
    folder = "".join(part.title() for part in name.split("_")) + "Function"
    return Artifact(build / folder, tuple(build / layer / "python" for layer in LAYERS[name]))


def plain_build(build: Path, target: Path) -> Path:
    """Return a copy of a build as a plain `sam build` leaves it where botocore is pinned: in the layer, without .pyc
    files.
    """
    shutil.rmtree(target, ignore_errors=True)
    sources = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(build, target, ignore=sources, copy_function=os.link)
    shutil.copytree(packages_of(LAMBDA) / "botocore", target / "CoreLayer/python/botocore", ignore=sources)
    return target


def handler_of(name: str, text: str, *libraries: Path) -> Artifact:
    """Write a function of one file."""
    folder = WORK / f"handler-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "app.py").write_text(text)
    return Artifact(folder, libraries)


BARE = "def handler(event, context):\n    return event\n"


def bare() -> Artifact:
    """Return a function that imports nothing."""
    return handler_of("bare", BARE)
