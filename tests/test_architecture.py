"""The direction of imports, who may do I/O and where state lives, checked on the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scog.settings import Settings

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "scog"
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "settings": {"errors"},
    "suggest": set(),
    "runtime": {"errors"},
    "net": {"errors", "runtime"},
    "collections": {"errors", "suggest"},
    "temporal": {"errors", "suggest"},
    "geo": {"errors", "suggest"},
    "bandmath": {"errors", "suggest", "collections"},
    "catalog": {"errors", "suggest", "runtime", "net", "collections", "temporal", "geo"},
    "cog": {"errors", "suggest", "runtime", "net", "geo"},
    "warp": {"errors", "geo", "cog"},
    "composite": {"errors", "suggest", "collections", "geo", "bandmath", "cog"},
    "render": {"errors", "suggest", "collections", "temporal", "bandmath", "composite"},
    "imaging": {
        "errors", "settings", "suggest", "runtime", "net", "collections", "temporal", "geo", "bandmath", "catalog",
        "cog", "warp", "composite", "render",
    },
    "products": {
        "errors", "settings", "suggest", "runtime", "net", "collections", "temporal", "geo", "bandmath", "catalog",
        "warp", "composite", "render", "imaging",
    },
    "cubes": {"errors", "runtime", "collections", "bandmath", "catalog", "warp", "composite", "render", "imaging"},
    "session": {
        "errors", "settings", "suggest", "runtime", "net", "collections", "temporal", "geo", "catalog", "warp",
        "composite", "render", "imaging", "products",
    },
    "demo": {"errors"},
    "web": {
        "errors", "settings", "suggest", "runtime", "net", "collections", "temporal", "geo", "bandmath", "catalog",
        "cog", "warp", "composite", "render", "imaging", "products", "cubes",
    },
    "cli": {
        "errors", "settings", "suggest", "runtime", "net", "collections", "temporal", "geo", "bandmath", "catalog",
        "cog", "warp", "composite", "render", "imaging", "products", "cubes", "demo", "web",
    },
    "__main__": {"cli"},
}  # fmt: skip
"""Every part of the package, lowest first, with the parts that it may import."""
ORDER = tuple(MAY_IMPORT)
FILES = {"errors", "settings", "suggest", "session", "__main__"}
"""Parts that are a single file."""

MAY_DO_IO = (
    "scog.net",
    "scog.catalog.archive.archive",
    "scog.catalog.archive.files",
    "scog.catalog.archive.index",
    "scog.catalog.search_store",
    "scog.cubes.store",
    "scog.cog.header_store",
    "scog.runtime.sqlite",
    "scog.demo",
    "scog.cli",
    "scog.session",
    "scog.web.viewer",
    "scog.web.stac",
)
IO_MODULES = {
    "aiohttp", "ftplib", "http", "httpx", "obstore", "pathlib.Path.open", "requests", "shutil", "smtplib", "socket",
    "sqlite3", "ssl", "subprocess", "tempfile", "urllib.request", "urllib3",
}  # fmt: skip
IO_CALLS = {
    "open", "input", "os.open", "os.read", "os.pread", "os.write", "os.remove", "os.unlink", "os.rename", "os.replace",
    "os.mkdir", "os.makedirs", "os.walk", "os.scandir", "os.listdir", "os.stat", "os.system", "os.popen", "io.open",
    "os.path.exists", "os.path.isfile", "os.path.isdir", "os.path.realpath", "os.path.islink",
}  # fmt: skip
IO_METHODS = {"read_text", "read_bytes", "write_text", "write_bytes", "unlink", "mkdir", "rmdir", "touch", "iterdir"}
PURE = (
    "scog.errors", "scog.suggest", "scog.collections", "scog.temporal", "scog.geo", "scog.bandmath", "scog.composite",
    "scog.render",
)  # fmt: skip
READERS = {
    "scog.bandmath.published": "read_bytes",
    "scog.collections.built_in": "read_text",
    "scog.collections.files": "read_text",
}
"""Modules of pure parts that read files, and the method that they may call: tables and profiles."""
STATEFUL = {
    "ThreadPoolExecutor", "ProcessPoolExecutor", "ClientSession", "TCPConnector", "Client", "AsyncClient", "Session",
    "PoolManager", "connect", "Lock", "Semaphore", "Event", "Queue", "new_event_loop", "Thread", "open_engine",
    "HttpRanges", "BlockReader", "ByteCache", "Flights", "Searches", "Archive", "RemoteCatalog", "Settings", "Cubes",
    "CubeStore", "SeriesState", "Signer", "TokenService",
}  # fmt: skip


@dataclass(frozen=True)
class Module:
    """A file of the package."""

    name: str
    tree: ast.Module
    is_package: bool

    def imported(self) -> Iterator[str]:
        """Absolute names of all imports in the file, except those under TYPE_CHECKING."""
        for node in visible(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.name} imports relatively"
                for alias in node.names:
                    yield f"{node.module}.{alias.name}"

    def within(self, *names: str) -> bool:
        return any(self.name == name or self.name.startswith(f"{name}.") for name in names)


def visible(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes except those under `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from visible(child)


def read(path: Path) -> Module:
    parts = path.relative_to(ROOT).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    return Module(".".join(parts[:-1] if is_package else parts), ast.parse(path.read_text()), is_package)


MODULES = {module.name: module for module in map(read, sorted(PACKAGE.rglob("*.py")))}
EVERY = pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)


def modules_of(names: Iterator[str]) -> set[str]:
    """The modules of scog among imported names."""
    modules = set()
    for name in names:
        if name.split(".")[0] == "scog":
            modules.add(name if name in MODULES else name.rpartition(".")[0])
    assert modules <= set(MODULES), modules - set(MODULES)
    return modules


def part(name: str) -> str:
    """The part that a module belongs to."""
    return name.split(".")[1] if "." in name else ""


def test_every_part_is_in_the_table() -> None:
    assert {part(name) for name in MODULES} - {""} == set(MAY_IMPORT)
    for name in FILES:
        assert not MODULES[f"scog.{name}"].is_package


def test_parts_import_only_those_above_them() -> None:
    """The table itself has no cycles between parts."""
    for place, name in enumerate(ORDER):
        assert MAY_IMPORT[name] <= set(ORDER[:place]), f"{name} may import {MAY_IMPORT[name] - set(ORDER[:place])}"


@EVERY
def test_parts_import_only_what_they_may(module: Module) -> None:
    own_part = part(module.name)
    imported_parts = {part(name) for name in modules_of(module.imported())} - {own_part, ""}
    allowed = MAY_IMPORT[own_part] if own_part else set()
    assert imported_parts <= allowed, f"{module.name} imports {imported_parts - allowed}"


def test_there_are_no_import_cycles() -> None:
    graph = {name: modules_of(module.imported()) - {name} for name, module in MODULES.items()}
    finished: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"a cycle: {' -> '.join((*path[path.index(name) :], name))}"
        if name not in finished:
            for other in sorted(graph[name]):
                visit(other, (*path, name))
            finished.add(name)

    for name in graph:
        visit(name, ())


@EVERY
def test_io_is_done_by_permitted_modules_only(module: Module) -> None:
    if module.within(*MAY_DO_IO):
        return
    io = {name for name in module.imported() if any(is_under(name, each) for each in IO_MODULES)}
    for node in visible(module.tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in IO_CALLS or called.rpartition(".")[2] in IO_METHODS:
                io.add(called)
    if module.name == "scog.cog.gdal":  # GDAL reads from a file object in memory
        io -= {"dataset.open", "memory.open"}
    if module.name in READERS:
        io = {called for called in io if called.rpartition(".")[2] != READERS[module.name]}
    assert not io, f"{module.name} does I/O: {io}"


def is_under(name: str, parent: str) -> bool:
    return name == parent or name.startswith(f"{parent}.")


@EVERY
def test_pure_parts_are_synchronous(module: Module) -> None:
    if not module.within(*PURE):
        return
    impure = {"asyncio", "concurrent", "threading", "multiprocessing", "os", "time", "random", "logging"}
    assert not [name for name in module.imported() if name.split(".")[0] in impure]
    assert not [node for node in ast.walk(module.tree) if isinstance(node, ast.AsyncFunctionDef | ast.Await)]


def at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """Nodes that are executed when the module is imported: all that are not inside a function."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            for default in (*child.args.defaults, *child.args.kw_defaults, *child.decorator_list):
                if default is not None:
                    yield default
                    yield from at_import(default)
        elif not isinstance(child, ast.Lambda):
            yield child
            yield from at_import(child)


@EVERY
def test_no_module_creates_state_at_import(module: Module) -> None:
    for node in at_import(module.tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            assert name not in STATEFUL, f"{module.name} makes a {name} when it is imported"
        assert not isinstance(node, ast.Global)


@EVERY
def test_no_function_assigns_globals(module: Module) -> None:
    assert not [node for node in ast.walk(module.tree) if isinstance(node, ast.Global)]


@EVERY
def test_the_environment_is_not_read_at_import(module: Module) -> None:
    for node in at_import(module.tree):
        if isinstance(node, ast.Attribute | ast.Name):
            text = ast.unparse(node)
            assert text not in ("os.environ", "os.getenv", "environ", "getenv", "os.getcwd", "Path.home"), module.name


@EVERY
def test_only_settings_read_the_environment(module: Module) -> None:
    text = ast.unparse(module.tree)
    assert "os.environ" not in text or module.name == "scog.settings"
    assert "getenv" not in text


@EVERY
def test_module_names_are_specific(module: Module) -> None:
    parts = set(module.name.split("."))
    assert not parts & {"utils", "util", "helpers", "helper", "common", "misc", "core", "base", "shared", "tools"}


@EVERY
def test_every_module_has_a_docstring(module: Module) -> None:
    docstring = ast.get_docstring(module.tree)
    assert docstring or module.is_package, f"{module.name} has no docstring"


def docstrings_of_settings() -> dict[str, str]:
    """The docstring of each field."""
    classes = [node for node in MODULES["scog.settings"].tree.body if isinstance(node, ast.ClassDef)]
    (body,) = [node.body for node in classes if node.name == "Settings"]
    docstrings = {}
    for field, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            docstrings[field.target.id] = str(after.value.value) if is_text else ""  # type: ignore[union-attr]
    return docstrings


def test_every_setting_has_a_docstring() -> None:
    docstrings = docstrings_of_settings()
    assert set(docstrings) == set(Settings.model_fields)
    for name, text in docstrings.items():
        assert len(text) > 20, f"the setting {name} has no docstring"
        assert text.endswith(".")


# The rules detect violations

UPWARD = [
    (low, f"scog.{high}" if high in FILES else next(name for name in MODULES if name.startswith(f"scog.{high}.")))
    for place, low in enumerate(ORDER)
    for high in ORDER[place + 1 :]
]


@pytest.mark.parametrize(("low", "high"), UPWARD, ids=[f"{low} imports {high}" for low, high in UPWARD])
def test_an_upward_import_is_detected(low: str, high: str) -> None:
    parent, _, name = high.rpartition(".")
    for source in (f"import {high}", f"from {parent} import {name}", f"def f():\n    from {parent} import {name}"):
        with pytest.raises(AssertionError):
            test_parts_import_only_what_they_may(Module(f"scog.{low}.bad", ast.parse(source), False))


@pytest.mark.parametrize(
    "source",
    [
        "open('x')", "import socket", "from aiohttp import web", "def f(p):\n    return p.read_text()",
        "import sqlite3", "import urllib.request", "from urllib import request", "import os\nos.stat('x')",
    ],
)  # fmt: skip
def test_forbidden_io_is_detected(source: str) -> None:
    with pytest.raises(AssertionError):
        test_io_is_done_by_permitted_modules_only(Module("scog.catalog.bad", ast.parse(source), False))


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("source", ["open('x')", "p.write_text('x')", "import socket", "p.read_bytes(), p.read_text()"])
def test_readers_do_no_other_io(name: str, source: str) -> None:
    with pytest.raises(AssertionError):
        test_io_is_done_by_permitted_modules_only(Module(name, ast.parse(source), False))


@pytest.mark.parametrize(
    "source",
    ["POOL = ThreadPoolExecutor(4)", "class A:\n    lock = threading.Lock()", "def f(x=httpx.Client()):\n    pass"],
)
def test_state_at_import_is_detected(source: str) -> None:
    with pytest.raises(AssertionError):
        test_no_module_creates_state_at_import(Module("scog.bad", ast.parse(source), False))


@pytest.mark.parametrize(
    "source", ["import os\nX = os.environ['X']", "from os import getenv\nclass A:\n    x = getenv('x')"]
)
def test_reading_the_environment_at_import_is_detected(source: str) -> None:
    with pytest.raises(AssertionError):
        test_the_environment_is_not_read_at_import(Module("scog.bad", ast.parse(source), False))
