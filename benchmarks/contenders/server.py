"""What the tile servers' programs have in common: starting one, waiting for it, and stopping it with its children."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence


class Server:
    """A server in a process group of its own; its output goes where this program's errors go."""

    def __init__(self, command: Sequence[str], environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, start_new_session=True
        )

    @property
    def pid(self) -> int:
        """The process that was started; workers, if any, are its children."""
        return self.process.pid

    def wait_for(self, url: str, seconds: float = 60) -> float:
        """Until it answers there, whatever it answers; how long that took, in seconds."""
        since = time.perf_counter()
        while time.perf_counter() < since + seconds:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}")
            try:
                urllib.request.urlopen(url, timeout=5).close()
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.02)
            else:
                break
        else:
            raise RuntimeError(f"no answer from {url} in {seconds} s")
        return time.perf_counter() - since

    def stop(self) -> None:
        """Ask all of its processes to end, and make them after 10 seconds."""
        for signal_number, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
            try:
                os.killpg(self.pid, signal_number)
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                continue
            except ProcessLookupError:
                pass
            return
