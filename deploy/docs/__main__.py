"""`make docs`: write `docs/openapi.json` anew."""

import os
import sys
import tempfile

from deploy.docs.documents import OPENAPI_FILE, openapi_file_content


def main() -> None:
    """Describe services with nothing configured: neither the environment nor a `.env` changes what is written."""
    os.environ.clear()
    with tempfile.TemporaryDirectory() as empty:
        os.chdir(empty)
        content = openapi_file_content()
        os.chdir(OPENAPI_FILE.parent)
    OPENAPI_FILE.write_text(content)
    sys.stdout.write(f"docs/{OPENAPI_FILE.name}: {len(content.encode())} bytes\n")


if __name__ == "__main__":
    main()
