"""Builds the wheel, which is all that the command needs: `python tools/wheel.py UV FOLDER`.

It holds the commands, the local stack and the core package, and the project that they build and deploy.
"""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("pointsman_cli", "devstack", "layers/core/pointsman")
LAYERS = ("core", "gemini", "claude")
PROJECT = (
    *("template.yaml", "dashboard.yaml", "samconfig.toml", "functions", "statemachines"),
    *(f"layers/{layer}/{file}" for layer in LAYERS for file in ("pyproject.toml", "requirements.txt")),
    *("tools/sam.txt", "tools/ministack.txt"),
)
"""What is built and deployed, and the tools that do it, in `devstack/packed`; the core layer's code is a package."""
_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc")


def build_wheel(uv: Path, folder: Path) -> Path:
    """Build the wheel into a folder, and return it."""
    source = ROOT / "build/wheel"
    shutil.rmtree(source, ignore_errors=True)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / Path(package).name, ignore=_IGNORED)
    for name in PROJECT:
        target = source / "devstack/packed" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=_IGNORED)
        else:
            shutil.copyfile(ROOT / name, target)
    for name in ("README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, source / name)
    (source / "pyproject.toml").write_text(_pyproject())
    command = [str(uv), "build", "--quiet", "--wheel", "--no-config", "--python", sys.executable]
    command += ["--out-dir", str(folder), str(source)]
    subprocess.run(command, check=True)
    return max(folder.glob("pointsman-*.whl"), key=lambda wheel: wheel.stat().st_mtime)


def _pyproject() -> str:
    """Return the wheel's own project file: the operator's, with the dependencies of all that is inside."""
    operator = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, dependencies = operator["project"], list(operator["dependency-groups"]["fake-providers"])
    for folder in (".", *(f"layers/{layer}" for layer in LAYERS)):
        dependencies += tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]["dependencies"]
    dependencies.remove("pointsman")
    uv = next(line for line in (ROOT / "tools/uv.txt").read_text().splitlines() if line.startswith("uv=="))
    dependencies.append(uv.split()[0])  # installs the local stack's tools by their locked requirements
    lines = [
        "[project]",
        'name = "pointsman"',
        *(f"{key} = {project[key]!r}" for key in ("version", "description", "readme", "requires-python", "license")),
        f"dependencies = {sorted(dependencies)!r}",
        "[project.scripts]",
        *(f"{name} = {entry!r}" for name, entry in project["scripts"].items()),
        "[build-system]",
        *(f"{key} = {value!r}" for key, value in operator["build-system"].items()),
        "[tool.uv.build-backend]",
        f"module-name = {[Path(package).name for package in PACKAGES]!r}",
        'module-root = ""',
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(build_wheel(Path(sys.argv[1]), Path(sys.argv[2])))
