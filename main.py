"""The server's ASGI app: `uvicorn main:app --reload`."""

import gc

gc.disable()  # modules are never freed; collecting while they load takes a tenth of the start-up time

from scog.settings import Settings  # noqa: E402
from scog.web.app import create_app  # noqa: E402

app = create_app(Settings())

gc.freeze()  # excludes everything loaded so far from later collections
gc.set_threshold(10_000, 20, 20)  # rare collections suffice: an image leaves no reference cycles
gc.enable()
