"""The peers: the program that measures each, and the environment that it runs in.

    python -m benchmarks.peers                        install them, once, below benchmarks/environments
    python -m benchmarks.peers --python312 PATH       with a Python 3.12 that is not on the path
    python -m benchmarks.peers --freeze               install the newest versions that satisfy this file, and pin them

Peers that cannot be installed are listed with the reason, and left out of the benchmark.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
ENVIRONMENTS = FOLDER / "environments"
HEADER = "# Made by `python -m benchmarks.peers --freeze`; direct requirements are in benchmarks/peers.py.\n"


@dataclass(frozen=True)
class Environment:
    """A virtual environment with the direct requirements `requested`, for Python `python` or newer."""

    name: str
    requested: tuple[str, ...]
    python: tuple[int, int] = (3, 11)

    @property
    def folder(self) -> Path:
        """The environment's folder."""
        return ENVIRONMENTS / self.name

    @property
    def interpreter(self) -> Path:
        """The environment's Python."""
        return self.folder / "bin" / "python"

    @property
    def requirements(self) -> Path:
        """The file with all pinned versions."""
        return FOLDER / "contenders" / f"requirements-{self.name}.txt"

    @property
    def mark(self) -> Path:
        """A copy of the installed requirements, written when installation is complete."""
        return self.folder / "installed.txt"

    @property
    def ready(self) -> bool:
        """Whether the pinned versions are installed."""
        return self.mark.exists() and self.mark.read_text() == self.requirements.read_text()


@dataclass(frozen=True)
class Peer:
    """A contender: its environment, and its program in `benchmarks.contenders` with arguments."""

    name: str
    environment: str
    program: tuple[str, ...]

    def command(self) -> list[str]:
        """The command that starts it, from the root of the checkout."""
        module, *arguments = self.program
        interpreter = ENVIRONMENT[self.environment].interpreter
        return [str(interpreter), "-m", f"benchmarks.contenders.{module}", *arguments]


# bottleneck is optional for all peers. Its median over dates is several times faster than numpy's, so all have it.
ENVIRONMENT = {
    each.name: each
    for each in (
        Environment("titiler", ("titiler-application==2.4.0", "rio-tiler==9.4.12", "uvicorn", "bottleneck")),
        Environment("terracotta", ("terracotta==0.10.0", "gunicorn")),
        Environment("dask", ("odc-stac==0.5.3", "stackstac==0.5.1", "dask==2026.8.0", "bottleneck")),
        Environment("geotiff", ("async-geotiff==0.5.1", "obstore==0.12.1", "rasterio", "morecantile", "bottleneck")),
        Environment("python312", ("lazycogs==0.7.0", "bestpixel==0.3.0", "bottleneck"), (3, 12)),
    )
}
PEERS = (
    Peer("titiler", "titiler", ("titiler_server",)),
    Peer("terracotta", "terracotta", ("terracotta_server",)),
    Peer("rio-tiler", "titiler", ("rio_tiler_worker",)),
    Peer("odc-stac", "dask", ("odc_worker",)),
    Peer("stackstac", "dask", ("stackstac_worker",)),
    Peer("async-geotiff", "geotiff", ("async_geotiff_worker",)),
    Peer("async-geotiff-shared", "geotiff", ("async_geotiff_worker", "--shared-map")),
    Peer("lazycogs", "python312", ("lazycogs_worker",)),
    Peer("bestpixel", "python312", ("bestpixel_worker",)),
)


def roster() -> dict[str, list[str]]:
    """The commands that start the installed peers, by name."""
    return {peer.name: peer.command() for peer in PEERS if ENVIRONMENT[peer.environment].ready}


def python_for(minimum: tuple[int, int], candidates: Iterable[str]) -> str | None:
    """The first command that is a Python of at least the version `minimum`; None if there is none."""
    check = f"import sys; sys.exit(sys.version_info < {minimum!r})"
    for command in candidates:
        try:
            if subprocess.run([command, "-c", check], capture_output=True, check=False).returncode == 0:
                return command
        except OSError:
            continue
    return None


def install(environment: Environment, python: str, *, freeze: bool) -> None:
    """Create an environment with the pinned versions; with `freeze`, pin those that pip chooses.

    Raises CalledProcessError.
    """
    subprocess.run([python, "-m", "venv", "--clear", str(environment.folder)], check=True)
    pip = [str(environment.interpreter), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    requirements = environment.requested if freeze else ("--requirement", str(environment.requirements))
    subprocess.run([*pip, "install", *requirements], check=True, capture_output=True, text=True)
    if freeze:
        pinned = subprocess.run([*pip, "freeze"], check=True, capture_output=True, text=True).stdout
        environment.requirements.write_text(HEADER + pinned)
    environment.mark.write_text(environment.requirements.read_text())


def main() -> None:
    """Install missing environments, and list the peers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--python312", metavar="PATH", help="a Python 3.12 or newer, which two peers need")
    parser.add_argument("--freeze", action="store_true", help="update the pinned versions")
    options = parser.parse_args()
    candidates = [sys.executable, "python3.12", "python3.13", "python3.14"]
    if options.python312:
        candidates.insert(1, options.python312)
    missing = {}
    for environment in ENVIRONMENT.values():
        python = python_for(environment.python, candidates)
        if environment.ready and not options.freeze:
            continue
        if python is None:
            missing[environment.name] = "Python {}.{} not found; see --python312".format(*environment.python)
            continue
        print(f"Installing {environment.name} ...", flush=True)
        try:
            install(environment, python, freeze=options.freeze)
        except subprocess.CalledProcessError as error:
            lines = (error.stderr or str(error)).strip().splitlines()
            missing[environment.name] = next((line for line in lines if "ERROR" in line), lines[-1])
    for peer in PEERS:
        reason = missing.get(peer.environment)
        print(f"{peer.name}: {'not installed: ' + reason if reason else 'ready'}")


if __name__ == "__main__":
    main()
