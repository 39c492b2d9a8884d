"""Which `openclaw.json` a command decides by."""

from importlib.resources import files
from pathlib import Path

from pointsman_cli.errors import BadInputError

HERE = Path("openclaw.json")


def read_config(config: Path | None) -> str:
    """Return the text of the file that was named, else of the one in this directory, else of the one that is shipped.

    Raises:
        BadInputError: The file that was named cannot be read.
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
