"""Write docs/reference/: `python -m docs.generator`."""

from docs.generator import FOLDER, PAGES

FOLDER.mkdir(exist_ok=True)
for name, make in PAGES.items():
    (FOLDER / name).write_text(make())
