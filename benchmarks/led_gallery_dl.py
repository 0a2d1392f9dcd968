"""gallery-dl, led to the sandbox: run by its own Python as `led_gallery_dl.py ORIGIN ARGUMENT ...`.

No option of it leads anywhere else than to pixiv.
"""

from __future__ import annotations

import sys
from typing import Any
from unittest.mock import patch

import gallery_dl
import requests

LED = ("https://app-api.pixiv.net/", "https://oauth.secure.pixiv.net/", "https://www.pixiv.net/")
origin = sys.argv.pop(1)
ask = requests.Session.request


def ask_there(session: requests.Session, method: str, url: str, **options: Any) -> requests.Response:
    address = next((f"{origin}/{url.removeprefix(host)}" for host in LED if url.startswith(host)), url)
    return ask(session, method, address, **options)


with patch.object(requests.Session, "request", ask_there):
    sys.exit(gallery_dl.main())
