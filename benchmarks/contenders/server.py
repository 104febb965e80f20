"""Starts a tile server, waits for it, and stops it with its child processes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence


class Server:
    """A server in a separate process group; its output goes to this program's standard error."""

    def __init__(self, command: Sequence[str], environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, start_new_session=True
        )

    @property
    def pid(self) -> int:
        """The id of the started process; workers are its children."""
        return self.process.pid

    def wait_for(self, url: str, seconds: float = 60) -> float:
        """Wait until `url` returns any response. Returns seconds. Raises RuntimeError on exit or timeout."""
        since = time.perf_counter()
        while time.perf_counter() < since + seconds:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server exited with {self.process.returncode}")
            try:
                urllib.request.urlopen(url, timeout=5).close()
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.02)
            else:
                break
        else:
            raise RuntimeError(f"no response from {url} within {seconds} s")
        return time.perf_counter() - since

    def stop(self) -> None:
        """Terminate the process group, and kill it if it still runs after 10 seconds."""
        for signal_number, timeout in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
            try:
                os.killpg(self.pid, signal_number)
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                continue
            except ProcessLookupError:
                pass
            return
