"""tuspyserver, mounted as in its documentation; run with its own interpreter, FILES names the folder."""

import os

from fastapi import FastAPI
from tuspyserver import create_tus_router

app = FastAPI()
app.include_router(create_tus_router(prefix="files", files_dir=os.environ["FILES"]))
