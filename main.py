"""The server: `uvicorn main:app --reload`."""

from scog.settings import Settings
from scog.web.app import create_app

app = create_app(Settings())
