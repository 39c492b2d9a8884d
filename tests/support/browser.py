"""Chromium over its DevTools protocol: one tab that is steered as a person would, and what it writes to its console."""

import base64
import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER = next((path for name in BROWSERS if (path := shutil.which(name))), None)
_KEYS = {"Enter": (13, "\r"), "Tab": (9, ""), "Space": (32, " ")}
_SECONDS = 20.0


class Tab:
    """A tab of the browser."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._number = socket, 0
        self.console: list[str] = []
        """What the page has written as a warning or an error, and what the browser has refused it."""
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> Any:
        """Send a command and return its result."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=_SECONDS))
            if message.get("id") == self._number:
                assert "error" not in message, (method, message)
                return message["result"]
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        """Keep what was written to the console; a dialog, which only a script opens, is an error too."""
        event, params = message.get("method"), message.get("params", {})
        if event == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.console.append(str(params["args"]))
        elif event == "Runtime.exceptionThrown":
            self.console.append(str(params["exceptionDetails"]))
        elif event == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.console.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        elif event == "Page.javascriptDialogOpening":
            self.console.append(f"dialog: {params['message']}")
            self._number += 1
            self._socket.send(
                json.dumps({"id": self._number, "method": "Page.handleJavaScriptDialog", "params": {"accept": True}})
            )

    def run(self, script: str) -> Any:
        """Return what a script comes to, also if it is a promise."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def open(self, address: str) -> None:
        """Open a page, and wait until it and what it leads on to is there."""
        self.call("Page.navigate", url=address)
        self.until("document.readyState === 'complete' && !document.querySelector('meta[http-equiv=refresh]')")

    def until(self, script: str, seconds: float = _SECONDS) -> None:
        """Wait until a script says true; a page that is being changed for another says nothing yet."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            answer = self.call("Runtime.evaluate", expression=f"Boolean({script})", returnByValue=True)
            if answer["result"].get("value") is True:
                return
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds:g} s: {script}")

    def press(self, key: str, *, ctrl: bool = False, shift: bool = False) -> None:
        """Press a key where the focus is."""
        code, text = _KEYS[key]
        fields = {"key": " " if key == "Space" else key, "code": key, "windowsVirtualKeyCode": code}
        modifiers = 2 * ctrl + 8 * shift
        down = {"text": text} if text and not ctrl else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", modifiers=modifiers, **fields, **down)
        self.call("Input.dispatchKeyEvent", type="keyUp", modifiers=modifiers, **fields)

    def type(self, text: str) -> None:
        """Type text where the focus is."""
        self.call("Input.insertText", text=text)

    def resize(self, width: int, height: int = 900) -> None:
        """Give the page a size; below 500 pixels it is a phone's."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )

    def prefer(self, scheme: str) -> None:
        """Prefer `light` or `dark`."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def picture(self, into: Path, most: int = 2400) -> None:
        """Take a picture of the page, as high as it is up to so many pixels."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], most), "scale": 1}
        shot = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        into.parent.mkdir(parents=True, exist_ok=True)
        into.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def browser_tab(profile: Path) -> Iterator[Tab]:
    """Yield a tab of a browser without a window, whose profile is the folder."""
    assert BROWSER
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
    options += ["--remote-debugging-port=0", f"--user-data-dir={profile}", "--disable-background-networking"]
    options += ["--host-resolver-rules=MAP *.example 127.0.0.1"]  # a name that is rebound to this machine
    process = subprocess.Popen(
        [BROWSER, *options, "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(profile)},
    )
    try:
        port = _port(profile / "DevToolsActivePort")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=_SECONDS) as answer:
            (target, *_) = [page for page in json.loads(answer.read()) if page["type"] == "page"]
        with connect(target["webSocketDebuggerUrl"], max_size=None, proxy=None) as socket:
            yield Tab(socket)
    finally:
        process.terminate()
        process.wait(timeout=_SECONDS)


def _port(file: Path) -> int:
    """Return the port that the browser has written down."""
    deadline = time.monotonic() + 2 * _SECONDS
    while time.monotonic() < deadline:
        lines = file.read_text().splitlines() if file.is_file() else []
        if len(lines) > 1:
            return int(lines[0])
        time.sleep(0.05)
    raise AssertionError("the browser does not start")
