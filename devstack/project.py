"""Where the project is: this checkout, or for the installed command a copy in its user's data directory.

The wheel carries the template, the functions, the layers' and the tools' locked requirements, beside the packages
themselves. They are unpacked where they can be built and where the user's own openclaw.json may stand.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

PACKED = Path(__file__).with_name("packed")
"""In the wheel alone."""
IS_INSTALLED = PACKED.is_dir()
_CORE = "layers/core/pointsman"
_CONFIG = "openclaw.json"
_STAMP = ".unpacked.json"


def project_root() -> Path:
    """Return the folder that holds template.yaml, the tools and the builds."""
    if not IS_INSTALLED:
        return Path(__file__).parents[1]
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local/share") / "pointsman"


def unpack_project(root: Path) -> None:
    """Unpack what the wheel carries, unless it is there; an openclaw.json that its user has changed stays."""
    if not IS_INSTALLED:
        return
    root.mkdir(parents=True, exist_ok=True)
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        files = dict(_packed_files())
        config = files.pop(f"{_CORE}/{_CONFIG}").read_bytes()
        stamp = {"files": _digest(files), "config": hashlib.sha256(config).hexdigest()}
        before = json.loads((root / _STAMP).read_text()) if (root / _STAMP).exists() else {}
        if before == stamp:
            return
        for folder in {name.partition("/")[0] for name in files if "/" in name}:
            shutil.rmtree(root / folder, ignore_errors=True)
        for name, file in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, root / name)
        own = root / _CONFIG
        if not own.exists() or hashlib.sha256(own.read_bytes()).hexdigest() == before.get("config"):
            own.write_bytes(config)
        (root / _CORE / _CONFIG).symlink_to(Path("../../..") / _CONFIG)  # as in a checkout
        (root / _STAMP).write_text(json.dumps(stamp))


def _packed_files() -> Iterator[tuple[str, Path]]:
    """Yield the files by the name that they have in a checkout; the core layer holds the installed package."""
    package = find_spec("pointsman")
    assert package
    assert package.submodule_search_locations
    for folder, prefix in ((PACKED, ""), (Path(package.submodule_search_locations[0]), f"{_CORE}/")):
        for file in sorted(folder.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                yield f"{prefix}{file.relative_to(folder)}", file


def _digest(files: dict[str, Path]) -> str:
    digest = hashlib.sha256()
    for name, file in files.items():
        digest.update(f"\0{name}\0".encode() + file.read_bytes())
    return digest.hexdigest()
