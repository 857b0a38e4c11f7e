"""A browser for tests, driven by the W3C's WebDriver protocol (https://www.w3.org/TR/webdriver2/) without a package."""

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ENTER, BACKSPACE, LEFT, RIGHT, ESCAPE = "\ue007", "\ue003", "\ue012", "\ue014", "\ue00c"
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
WAIT = 30  # seconds, for a machine that is busy


def missing() -> str:
    """Why there is no browser to test with; empty where there is one."""
    if not any(map(shutil.which, BROWSERS)):
        return "no Chromium on this machine (Debian: apt-get install chromium)"
    return "" if shutil.which("chromedriver") else "no chromedriver (Debian: apt-get install chromium-driver)"


class Browser:
    """One window of a headless browser."""

    def __init__(self, address: str, session: str, downloads: Path) -> None:
        self.address, self.session, self.downloads = address, session, downloads

    def open(self, url: str) -> None:
        self._call("url", {"url": url})

    def reload(self) -> None:
        self._call("refresh", {})

    def run(self, script: str, *arguments: Any) -> Any:
        """The value of a function body."""
        return self._call("execute/sync", {"script": script, "args": arguments})

    def cdp(self, command: str, **parameters: Any) -> Any:
        return self._call("goog/cdp/execute", {"cmd": command, "params": parameters})

    def click(self, css: str, text: str | None = None) -> None:
        """A true click on the first visible element that fits; `text` is all that it says."""
        script = (
            "return [...document.querySelectorAll(arguments[0])]"
            ".find((one) => arguments[1] === null || one.textContent.trim() === arguments[1])"
        )
        element = self.run(script, css, text)
        assert element is not None, f"no {css} {text or ''} in: {self.text('body')}"
        self._call(f"element/{element[_ELEMENT]}/click", {})

    def press(self, *keys: str) -> None:
        """Keys, one after the other, into whatever has the focus."""
        steps = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._call("actions", {"actions": [{"type": "key", "id": "keyboard", "actions": steps}]})

    def text(self, css: str) -> str:
        return str(self.run("return document.querySelector(arguments[0])?.innerText ?? ''", css))

    def wait(self, script: str) -> Any:
        """The value of a function body as soon as it is true."""
        end = time.monotonic() + WAIT
        while not (value := self.run(script)):
            assert time.monotonic() < end, f"waited in vain for {script}: {self.text('body')}"
            time.sleep(0.05)
        return value

    def look(self, width: int, height: int, *, dark: bool = False) -> None:
        """How large the page is shown, and whether in dark colours."""
        self.cdp(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        value = "dark" if dark else "light"
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": value}])

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._call("screenshot")))

    def downloaded(self, pattern: str) -> Path:
        """The file that a click has saved."""
        end = time.monotonic() + WAIT
        while not (found := list(self.downloads.glob(pattern))):
            assert time.monotonic() < end, f"nothing like {pattern} was saved"
            time.sleep(0.05)
        return found[0]

    def _call(self, command: str, body: Any = None) -> Any:
        return _ask(f"{self.address}/session/{self.session}/{command}", body)


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser with an empty profile in `folder`; it ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    downloads = folder / "downloads"
    downloads.mkdir(parents=True)
    binary = next(found for name in BROWSERS if (found := shutil.which(name)))
    options = {
        "binary": binary,
        "args": [*_FLAGS, f"--user-data-dir={folder / 'profile'}"],
        "prefs": {"download.default_directory": str(downloads), "download.prompt_for_download": False},
    }
    driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(address)
        wanted = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}}
        session = _ask(f"{address}/session", wanted)["sessionId"]
        yield Browser(address, session, downloads)
        urllib.request.urlopen(urllib.request.Request(f"{address}/session/{session}", method="DELETE"), timeout=WAIT)
    finally:
        driver.terminate()
        driver.wait()


def _ask(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=4 * WAIT) as reply:
            return json.loads(reply.read())["value"]
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{url}: {error.read().decode()[:400]}") from error


def _wait_for(address: str) -> None:
    end = time.monotonic() + WAIT
    while True:
        try:
            if _ask(f"{address}/status")["ready"]:
                return
        except (urllib.error.URLError, ConnectionError):
            pass
        assert time.monotonic() < end, "chromedriver does not answer"
        time.sleep(0.05)
