"""docs/reference/: the committed pages equal those that the code generates."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import pytest

import scog
from docs.generator import FOLDER, PAGES
from docs.generator.cli import page as commands_page
from docs.generator.http import openapi
from docs.generator.settings import COMPUTED
from scog.cli import argument_parser
from scog.settings import Settings
from scog.web.http.response_headers import HEADERS


@pytest.mark.parametrize("name", PAGES)
def test_a_committed_page_equals_the_generated_one(name: str) -> None:
    assert (FOLDER / name).read_text() == PAGES[name](), f"run `make reference`, which writes docs/reference/{name}"


def test_the_folder_has_no_other_files() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)


def test_every_route_and_parameter_is_listed() -> None:
    text = (FOLDER / "http.md").read_text()
    for path, methods in openapi()["paths"].items():
        for method, operation in methods.items():
            section = text.partition(f"\n### {method.upper()} {path}\n")[2].partition("\n### ")[0]
            assert section, path
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path" or "query parameters of" not in section:
                    assert f"| `{parameter['name']}` |" in section, (path, parameter["name"])


def test_every_setting_is_listed() -> None:
    text = (FOLDER / "settings.md").read_text()
    assert [name for name in Settings.model_fields if f"| `SCOG_{name.upper()}` |" not in text] == []


def test_defaults_that_depend_on_the_machine_are_described() -> None:
    assert set(COMPUTED) == {name for name, field in Settings.model_fields.items() if field.default_factory is not None}


def test_every_header_is_listed() -> None:
    text = (FOLDER / "headers.md").read_text()
    assert [name for name in HEADERS if f"| `{name}` |" not in text] == []


def options() -> Iterator[str]:
    for action in argument_parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from (option for each in command._actions for option in each.option_strings)


def test_every_option_is_listed() -> None:
    text = commands_page()
    assert [option for option in options() if f"`{option}" not in text and option not in ("-h", "--help")] == []


def test_every_public_name_is_listed() -> None:
    text = (FOLDER / "python.md").read_text()
    assert [name for name in scog.__all__ if f"## scog.{name}\n" not in text] == []
