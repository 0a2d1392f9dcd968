"""A sandbox: a world served on loopback, from a thread of its own."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from pixivcrawl.sandbox.addresses import Addresses, read
from pixivcrawl.sandbox.api import ApiHost
from pixivcrawl.sandbox.images import ImageHost, Sent
from pixivcrawl.sandbox.log import HostKind, Logged, RequestLog
from pixivcrawl.sandbox.tls import write_authority
from pixivcrawl.sandbox.world import World

LOOPBACK = "127.0.0.1"
Answering = Callable[[web.BaseRequest, Sent], Awaitable[web.StreamResponse]]


class Sandbox:
    """Serves `world` while the `with` block runs: the API origin on one port, the image host on another.

    `port` and `image_port` 0 take free ones. `tls_folder` keeps the certificates (a temporary folder otherwise);
    `log_file` gets a JSON line for each request; every answer comes `delay` seconds late.
    """

    def __init__(
        self,
        world: World,
        *,
        tls: bool = False,
        port: int = 0,
        image_port: int = 0,
        tls_folder: Path | None = None,
        log_file: Path | None = None,
        delay: float = 0.0,
    ) -> None:
        self.world = world
        self.ca_file: Path | None = None
        self.base_url = ""
        self.image_host = ""
        self._ports = (port, image_port)
        self._tls, self._tls_folder = tls, tls_folder
        self._delay = delay
        self._log = RequestLog(log_file)
        self._temporary: Path | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="sandbox", daemon=True)
        self._started = threading.Event()
        self._stopping = asyncio.Event()
        self._failure: BaseException | None = None

    @property
    def cookie(self) -> str:
        """The PHPSESSID of a signed-in reader, user 901."""
        return self.world.readers[0].cookie

    @property
    def premium_cookie(self) -> str:
        """The PHPSESSID of a reader with premium, user 902."""
        return self.world.readers[1].cookie

    @property
    def log(self) -> list[Logged]:
        """Every request so far, in the order of arrival."""
        return self._log.entries()

    def requests(self, kind: HostKind) -> list[Logged]:
        """The requests to the API origin ("api") or the image host ("image")."""
        return self._log.entries(kind)

    def settings(self) -> dict[str, Any]:
        """What a crawler's settings must say to come here."""
        return {"PIXIV_BASE_URL": self.base_url, "PIXIV_IMAGE_HOSTS": [self.image_host]}

    def environment(self) -> dict[str, str]:
        """The same for a process of its own, and whom to trust."""
        variables = {"PIXIVCRAWL_PIXIV_BASE_URL": self.base_url, "PIXIVCRAWL_PIXIV_IMAGE_HOSTS": self.image_host}
        if self.ca_file is not None:
            variables["SSL_CERT_FILE"] = str(self.ca_file)
        return variables

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _serve(self) -> None:
        try:
            self._loop.run_until_complete(self._run())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits in __enter__
            self._failure = error
        finally:
            self._started.set()
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()
            if self._temporary is not None:
                shutil.rmtree(self._temporary)

    async def _run(self) -> None:
        context = self._make_context()
        scheme = "http" if context is None else "https"
        runners = []
        try:
            image_runner, image_port = await self._listen("image", self._ports[1], context, scheme)
            runners.append(image_runner)
            self.image_host = f"{LOOPBACK}:{image_port}"
            api_runner, port = await self._listen("api", self._ports[0], context, scheme)
            runners.append(api_runner)
            self.base_url = f"{scheme}://{LOOPBACK}:{port}"
            self._started.set()
            await self._stopping.wait()
        finally:
            for runner in runners:
                await runner.cleanup()

    def _make_context(self) -> ssl.SSLContext | None:
        if not self._tls:
            return None
        folder = self._tls_folder
        if folder is None:
            folder = self._temporary = Path(tempfile.mkdtemp(prefix="pixivcrawl-sandbox-"))
        folder.mkdir(parents=True, exist_ok=True)
        self.ca_file, context = write_authority(folder.resolve())
        return context

    async def _listen(
        self, kind: HostKind, port: int, context: ssl.SSLContext | None, scheme: str
    ) -> tuple[web.ServerRunner, int]:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            return await self._handle(kind, scheme, request)

        runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, LOOPBACK, port, ssl_context=context).start()
        return runner, int(runner.addresses[0][1])

    async def _handle(self, kind: HostKind, scheme: str, request: web.BaseRequest) -> web.StreamResponse:
        arrived = time.time()
        if self._delay:
            await asyncio.sleep(self._delay)

        def sent(status: int, planned: int) -> Callable[[int], None]:
            headers = {name.lower(): value for name, value in request.headers.items()}
            url = request.rel_url
            wanted = read(url.path) if kind == "image" else None
            is_of_artist = wanted is not None and wanted.sort in ("portrait", "background")
            entry = Logged(
                arrived,
                "portrait" if is_of_artist else kind,
                request.host,
                request.method,
                url.path,
                url.raw_query_string,
                headers,
                status,
                planned,
            )
            place = self._log.begin(entry)
            return lambda done: self._log.finish(place, done)

        return await self.host(kind, scheme)(request, sent)

    def host(self, kind: HostKind, scheme: str) -> Answering:
        """Who answers the requests of a kind."""
        if kind == "api":
            return ApiHost(self.world, Addresses(f"{scheme}://{self.image_host}")).answer
        return ImageHost(self.world).answer
