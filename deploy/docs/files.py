"""The generated files of the `docs` folder."""

import json
from collections.abc import Mapping
from pathlib import Path

from deploy.docs.markdown import markdown
from deploy.docs.whole import combined_document

FOLDER = Path(__file__).parents[2] / "docs"


def files() -> Mapping[str, str]:
    """Return each file's content by its name."""
    document = combined_document()
    return {
        "openapi.json": json.dumps(document, indent=2, ensure_ascii=False) + "\n",
        "http-api.md": markdown(document),
    }
