"""A real Chromium without a window, asked through its DevTools how a page looks and measures, as it is."""

from __future__ import annotations

import asyncio
import base64
import itertools
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
"""None where there is none."""

STARTS_WITHIN = 60.0

VIRTUAL_KEYS = {
    "Enter": 13,
    "Tab": 9,
    "Escape": 27,
    "End": 35,
    "Home": 36,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}
"""The numbers by which the browser knows keys that write no letter."""


class Page:
    """One page of the browser; `told` is what the browser had to say of it: errors, what its policy refused, what it asked for."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self.told: list[str] = []
        self.asked: list[str] = []

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a method of the DevTools protocol."""
        number = next(self._ids)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json(timeout=60)
            self._note(message)
            if message.get("id") == number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result

    async def until(self, method: str) -> None:
        while True:
            message = await self._socket.receive_json(timeout=60)
            self._note(message)
            if message.get("method") == method:
                return

    async def open(self, file: Path) -> None:
        await self.visit(file.as_uri())

    async def visit(self, address: str) -> None:
        for domain in ("Page", "Log", "Runtime", "Network"):
            await self.call(f"{domain}.enable")
        await self.call("Page.navigate", url=address)
        await self.until("Page.loadEventFired")

    async def press(self, key: str) -> None:
        """A key of the keyboard, by its name or its letter."""
        kind = "keyDown" if len(key) == 1 or key == "Enter" else "rawKeyDown"
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        code = {"text": text} if text else {}
        virtual = {"windowsVirtualKeyCode": VIRTUAL_KEYS[key]} if key in VIRTUAL_KEYS else {}
        await self.call("Input.dispatchKeyEvent", type=kind, key=key, **code, **virtual)
        await self.call("Input.dispatchKeyEvent", type="keyUp", key=key, **virtual)

    async def comes(self, expression: str, within: float = 10.0) -> None:
        """Wait until an expression of JavaScript is true there."""
        until = time.monotonic() + within
        while not await self.value(f"Boolean({expression})"):
            assert time.monotonic() < until, f"never came true: {expression}"
            await asyncio.sleep(0.02)

    async def look(self, width: int, height: int, scheme: str) -> None:
        """As on a screen of this size, light or dark; below 600 pixels it is a phone's."""
        phone = width < 600
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        await self.call("Emulation.setEmulatedMedia", features=[feature])

    async def value(self, expression: str) -> Any:
        """What an expression of JavaScript is worth there; the page's policy binds the page alone."""
        return (await self.call("Runtime.evaluate", expression=expression, returnByValue=True))["result"].get("value")

    async def screenshot(self) -> bytes:
        """A PNG of what the window shows."""
        return base64.b64decode((await self.call("Page.captureScreenshot", format="png"))["data"])

    def _note(self, message: dict[str, Any]) -> None:
        match message.get("method"):
            case "Log.entryAdded":
                self.told.append(message["params"]["entry"]["text"])
            case "Runtime.exceptionThrown" | "Runtime.consoleAPICalled" | "Page.javascriptDialogOpening":
                self.told.append(str(message["params"]))
            case "Network.requestWillBeSent":
                self.asked.append(message["params"]["request"]["url"])


@contextmanager
def browser() -> Iterator[int]:
    """The port of its DevTools."""
    assert PROGRAM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0"]
        running = subprocess.Popen(
            [PROGRAM, *options, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield _port(Path(profile) / "DevToolsActivePort")
        finally:
            running.kill()
            running.wait()


def _port(file: Path) -> int:
    until = time.monotonic() + STARTS_WITHIN
    while not file.is_file() or not (lines := file.read_text().splitlines()):
        assert time.monotonic() < until, "the browser did not start"
        time.sleep(0.05)
    return int(lines[0])


@asynccontextmanager
async def first_page(port: int) -> AsyncIterator[Page]:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
            targets = await answer.json()
        address = next(each["webSocketDebuggerUrl"] for each in targets if each["type"] == "page")
        async with session.ws_connect(address, max_msg_size=0) as socket:
            yield Page(socket)
