"""The server: `uvicorn main:app --reload`."""

import gc

gc.disable()  # what is loaded stays; to look it through for garbage again and again takes a tenth of the start

from scog.settings import Settings  # noqa: E402
from scog.web.app import create_app  # noqa: E402

app = create_app(Settings())

gc.freeze()  # nor do later collections go through it
gc.set_threshold(10_000, 20, 20)  # what a picture leaves behind holds no circles
gc.enable()
