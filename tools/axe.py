"""Fetches axe-core, which the test of the report's page looks for: `python axe.py axe.txt FOLDER`.

`axe.txt` holds the address of npm's archive and its checksum as npm states it. Without a network nothing is fetched,
and that test is skipped; an archive with another checksum is an error.
"""

import base64
import hashlib
import io
import sys
import tarfile
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

WANTED = ("package/axe.min.js", "package/LICENSE")


def main(pin: Path, folder: Path) -> int:
    """Return the exit code."""
    address, integrity = pin.read_text().split()
    kind, _, digest = integrity.partition("-")
    try:
        with urlopen(address, timeout=30) as answer:  # noqa: S310  (a fixed https address)
            archive = answer.read()
    except (URLError, TimeoutError) as error:
        print(f"axe-core could not be fetched ({error}); the test that needs it is skipped", file=sys.stderr)
        return 0
    if hashlib.new(kind, archive).digest() != base64.b64decode(digest):
        print(f"{address} has another checksum than {pin} states", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        for name in WANTED:
            result = files.extractfile(name)
            assert result, name
            (folder / Path(name).name).write_bytes(result.read())
    (folder / ".stamp").touch()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
