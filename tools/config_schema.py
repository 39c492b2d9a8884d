"""Write the JSON Schema of `openclaw.json` for editors: docs/openclaw.schema.json. A test holds it up to date."""

import json
from pathlib import Path
from typing import Any

from pointsman.routing.config import OpenClaw

SCHEMA_FILE = Path(__file__).parents[1] / "docs/openclaw.schema.json"


def config_schema() -> dict[str, Any]:
    """Return the schema. What only the catalog knows, such as a model's name, is checked when the file is loaded."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **OpenClaw.model_json_schema()}


def schema_text() -> str:
    """Return the file's text."""
    return json.dumps(config_schema(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text())
    print(f"wrote {SCHEMA_FILE.name}")
