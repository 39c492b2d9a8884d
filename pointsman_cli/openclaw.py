"""Finds the `openclaw.json` that a command uses."""

from importlib.resources import files
from pathlib import Path

from pointsman_cli.errors import BadInputError

HERE = Path("openclaw.json")
"""The file in the current directory."""


def read_config(config: Path | None) -> str:
    """Return the text of the given file, else of the file in this directory, else of the built-in one.

    Raises:
        BadInputError: The file cannot be read, or is not UTF-8.
    """
    file = config or (HERE if HERE.is_file() else None)
    if file is None:
        return (files("pointsman") / "openclaw.json").read_text(encoding="utf-8")
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInputError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInputError(f"{file}: must be UTF-8") from None
