"""A table that drifts; and a headless Chromium, driven by the DevTools protocol over pipes."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xarray as xr

import smlm_accessor

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
_SWITCHES = (
    "--headless",
    "--no-sandbox",  # tests may run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
_PATIENCE = 60.0  # seconds


class Browser:
    """One page of a running Chromium, and all events it sent."""

    def __init__(self, to: int, back: int) -> None:
        self.events: list[dict[str, Any]] = []
        self._to, self._back = to, back
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol, and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        answer = self._wait(lambda got: got.get("id") == self._number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, path: Path, *, width: int, height: int = 900) -> None:
        """Open a file in a window of that size, and wait until it is loaded."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        self.events.clear()
        self.call("Page.navigate", url=path.absolute().as_uri())
        if not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self._wait(lambda got: got.get("method") == "Page.loadEventFired")

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"]))
        return found["result"].get("value")

    def press(self, key: str, code: int) -> None:
        """Press and let go a key, such as ``"ArrowRight"`` with the code 39."""
        for kind in ("rawKeyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code
            )

    def drag(self, start: tuple[float, float], stop: tuple[float, float]) -> None:
        """Press the mouse at a point of the window, move it to another, and let go."""
        steps = (("mousePressed", start, 1), ("mouseMoved", stop, 1), ("mouseReleased", stop, 0))
        for kind, (x, y), held in steps:
            self.call(
                "Input.dispatchMouseEvent",
                type=kind,
                x=x,
                y=y,
                button="left",
                buttons=held,
                clickCount=1,
            )

    def screenshot(self, box: dict[str, float] | None = None) -> bytes:
        """Return what the window shows, or a part of it, as a PNG file."""
        clip: dict[str, Any] = {}
        if box is not None:
            x, y = self.evaluate("[scrollX, scrollY]")
            size = {"width": box["width"], "height": box["height"], "scale": 1}
            clip = {"clip": {"x": x + box["left"], "y": y + box["top"], **size}}
        found = self.call("Page.captureScreenshot", format="png", **clip)
        return base64.b64decode(found["data"])

    def complaints(self) -> list[Any]:
        """Return errors, warnings and exceptions since the page was opened."""
        return [
            event
            for event in self.events
            if event.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded")
            or (
                event.get("method") == "Runtime.consoleAPICalled"
                and event["params"]["type"] in ("error", "warning", "assert")
            )
        ]

    def requested(self) -> set[str]:
        """Return the schemes of all addresses that were asked for since the page was opened."""
        return {
            event["params"]["request"]["url"].partition(":")[0]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        }

    def _wait(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        until = time.monotonic() + _PATIENCE
        while True:
            while b"\0" in self._buffer:
                one, _, self._buffer = self._buffer.partition(b"\0")
                got: dict[str, Any] = json.loads(one)
                if "method" in got:
                    self.events.append(got)
                if wanted(got):
                    return got
            ready, _, _ = select.select([self._back], [], [], max(until - time.monotonic(), 0))
            more = os.read(self._back, 1 << 20) if ready else b""
            if not more:
                raise RuntimeError("Chromium " + ("has ended" if ready else "does not answer"))
            self._buffer += more


@contextmanager
def running() -> Iterator[Browser]:
    """Give a browser, and end it."""
    assert PROGRAM
    theirs_in, to = os.pipe()
    back, theirs_out = os.pipe()
    # Chromium reads from 3 and writes to 4; what is to become those must not be in their place.
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (theirs_in, theirs_out)]
    os.close(theirs_in)
    os.close(theirs_out)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = os.posix_spawn(
            PROGRAM,
            [PROGRAM, *_SWITCHES, f"--user-data-dir={profile}"],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, high[0], 3),
                (os.POSIX_SPAWN_DUP2, high[1], 4),
            ],
            setpgroup=0,
        )
        for fd in high:
            os.close(fd)
        try:
            yield Browser(to, back)
        finally:
            os.close(to)  # then it ends by itself
            _end(process)
            os.close(back)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if PROGRAM is None:
        pytest.skip("there is no Chromium")
    with running() as found:
        yield found


@pytest.fixture(scope="package")
def drifting() -> pd.DataFrame:
    still = smlm_accessor.simulate_thomas(cluster_mu=50, seed=1)
    return smlm_accessor.set_columns(still, unit="nm").smlm.simulate_drift(velocity=(0.02, 0.01))


@pytest.fixture(scope="package")
def drift(drifting: pd.DataFrame) -> xr.Dataset:
    return drifting.smlm.drift(n_chunks=5)


def _end(process: int) -> None:
    for _ in range(50):
        if os.waitpid(process, os.WNOHANG)[0]:
            return
        time.sleep(0.1)
    os.killpg(process, signal.SIGKILL)
    os.waitpid(process, 0)
