"""The tree of errors: its docstring is complete, and each error has an HTTP status."""

from __future__ import annotations

import ast
import inspect
import json
import re
from typing import Any

import pytest

from scog import errors
from scog.errors import InvalidExpression, InvalidInput, NothingReadable, ScogError, SourceError
from scog.web.http.problems import STATUS, TITLES, problem_of
from scog.web.http.retry_after import RETRY_SECONDS

KINDS = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, Exception)]
ALL: dict[str, type[ScogError]] = {kind.__name__: kind for kind in KINDS if issubclass(kind, ScogError)}


def documented() -> dict[str, str | None]:
    """Each error of the docstring's tree with its parent."""
    above: list[str] = []
    tree: dict[str, str | None] = {}
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^((?:[│ ]   )*)(?:[├└]── )?([A-Z]\w+)(?: |$)", line)
        if match and match[2] in ALL:
            depth = len(match[1]) // 4 + ("──" in line)
            del above[depth:]
            tree[match[2]] = above[-1] if above else None
            above.append(match[2])
    return tree


def test_the_docstring_has_the_complete_tree() -> None:
    tree = documented()
    assert len(KINDS) == len(ALL), "all are ScogErrors"
    assert set(tree) == set(ALL)
    for name, parent in tree.items():
        assert ALL[name].__base__ is (ALL[parent] if parent else Exception), name
    assert [name for name, parent in tree.items() if parent is None] == ["ScogError"]


def test_every_error_has_a_docstring() -> None:
    assert all(kind.__doc__ for kind in ALL.values())


def test_the_tree_is_independent_of_http() -> None:
    source = ast.parse(inspect.getsource(errors))
    imported = [ast.unparse(node) for node in ast.walk(source) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert all("scog" not in line and "http" not in line for line in imported)


def make(kind: type[ScogError], message: str = "It went wrong.") -> ScogError:
    return kind(message, reason="timeout") if issubclass(kind, SourceError) else kind(message)


EXPECTED = {
    "InvalidInput": 400,
    "InvalidExpression": 400,
    "OutOfRange": 404,
    "TooLong": 413,
    "SourceError": 502,
    "AssetMissing": 502,
    "AssetRefused": 502,
    "AssetBroken": 502,
    "AssetChanged": 502,
    "SourceUnavailable": 502,
    "CatalogUnavailable": 503,
    "CatalogBroken": 502,
    "NothingReadable": 502,
    "Overloaded": 503,
    "DeadlineExceeded": 504,
}


@pytest.mark.parametrize("name", [name for name in ALL if name not in ("ScogError", "CatalogError")])
def test_every_error_has_a_status(name: str) -> None:
    problem = problem_of(make(ALL[name]))
    assert problem.status_code == EXPECTED[name]
    body = json.loads(bytes(problem.body))
    assert body == {
        "type": "about:blank",
        "title": TITLES[EXPECTED[name]],
        "status": EXPECTED[name],
        "detail": "It went wrong.",
    } | ({"parameter": "expression"} if name == "InvalidExpression" else {}) | (
        {"skipped": []} if name == "NothingReadable" else {}
    )
    assert problem.headers["Cache-Control"] == "no-store"
    assert problem.headers["Content-Type"] == "application/problem+json"
    retried = EXPECTED[name] in (502, 503, 504)
    assert problem.headers.get("Retry-After") == (str(RETRY_SECONDS[EXPECTED[name]]) if retried else None)


def test_subclasses_precede_their_base_classes() -> None:
    """The first matching entry is used: a subclass after its base class would never match."""
    kinds = list(STATUS)
    for number, kind in enumerate(kinds):
        assert not any(issubclass(kind, earlier) for earlier in kinds[:number])


@pytest.mark.parametrize(
    ("error", "members"),
    [
        (InvalidInput("x", parameter="bands", valid="red"), {"parameter": "bands", "valid": "red"}),
        (InvalidExpression("x", position=0, valid="y"), {"parameter": "expression", "valid": "y", "position": 0}),
        (InvalidExpression("x", position=7), {"parameter": "expression", "position": 7}),
        (NothingReadable("x", skipped=[("a", "timeout")]), {"skipped": [{"scene": "a", "reason": "timeout"}]}),
    ],
)
def test_members_of_errors_are_members_of_problems(error: ScogError, members: dict[str, Any]) -> None:
    body = json.loads(bytes(problem_of(error).body))
    assert {name: body[name] for name in body if name not in ("type", "title", "status", "detail")} == members


def test_at_most_ten_scenes_are_named() -> None:
    error = NothingReadable("x", skipped=[(str(number), "http-404") for number in range(500)])
    assert len(error.skipped) == 500
    assert len(json.loads(bytes(problem_of(error).body))["skipped"]) == 10
