"""What a request says of the one who sends it is what one browser says."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixivcrawl.api.catalogue import USER_SHORT
from pixivcrawl.downloadhandlers.browser import beside, in_order
from tests.sandbox.serving import Sandbox, World
from tests.travelling import original_url, settings_for, to_stage, travel

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)


@pytest.mark.parametrize("agent", [None, CHROME], ids=["firefox", "chrome"])
def test_data_and_images_are_asked_for_as_one_browser_does(tmp_path: Path, agent: str | None) -> None:
    named = {} if agent is None else {"USER_AGENT": agent}
    with Sandbox(World.of(works=1)) as sandbox:
        work_id = sandbox.world.works_of(11, None)[0].id
        image = to_stage(original_url(sandbox, work_id), tmp_path / "staging" / "it")
        travel(settings_for(tmp_path, sandbox, **named), USER_SHORT.request(sandbox.base_url, id=11), image)
        api, picture = (dict(logged.headers) for logged in sandbox.log)
    usual = {"host", "user-agent", "accept", "accept-language", "accept-encoding", "referer"}
    fetch = {"sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site"}
    hints = {"sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform"} if agent else set()
    assert set(api) == set(picture) == usual | fetch | hints
    assert (api["accept"], api["sec-fetch-dest"], api["sec-fetch-site"]) == ("application/json", "empty", "same-origin")
    assert (picture["sec-fetch-dest"], picture["sec-fetch-mode"]) == ("image", "no-cors")
    if agent:
        assert (api["sec-ch-ua-platform"], '"Chromium";v="141"' in api["sec-ch-ua"]) == ('"Windows"', True)


def test_a_page_is_asked_for_as_a_page() -> None:
    assert beside("Mozilla/5.0", "text/html")["Sec-Fetch-Dest"] == "document"


def test_headers_are_sent_in_a_browsers_order() -> None:
    given = [("X-Other", ""), ("Cookie", ""), ("Sec-Fetch-Dest", ""), ("Accept", ""), ("User-Agent", "")]
    assert [name for name, _ in in_order(given)] == ["User-Agent", "Accept", "Cookie", "Sec-Fetch-Dest", "X-Other"]
