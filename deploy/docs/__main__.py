"""`make docs`: write `docs/openapi.json` and `docs/http-api.md` anew."""

import os
import sys
import tempfile

from deploy.docs.files import FOLDER, files


def main() -> None:
    """Describe services with nothing configured: neither the environment nor a `.env` changes what is written."""
    os.environ.clear()
    with tempfile.TemporaryDirectory() as empty:
        os.chdir(empty)
        written = files()
        os.chdir(FOLDER)
    for name, content in written.items():
        (FOLDER / name).write_text(content)
        sys.stdout.write(f"docs/{name}: {len(content.encode())} bytes\n")


if __name__ == "__main__":
    main()
