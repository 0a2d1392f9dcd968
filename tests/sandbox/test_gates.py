"""Who may ask what."""

import html
import json
import re
from typing import Any

import pytest

from tests.sandbox.serving import Sandbox, World

LOGIN_ONLY = (
    "/ajax/top/illust?mode=all",
    "/ajax/user/901/following?offset=0&limit=24&rest=show",
    "/ajax/user/901/followers?offset=0&limit=24",
    "/ajax/user/901/illusts/bookmarks?tag=&offset=0&limit=48&rest=show",
    "/ajax/sketch/live/following",
    "/ajax/user/extra",
    "/ajax/follow_latest/illust?mode=all&p=1",
    "/ajax/watch_list/manga?p=1",
    "/ajax/mypixiv_latest/illust?p=1",
    "/ajax/dashboard/home",
    "/ajax/dashboard/settings",
    "/ajax/dashboard/works/illust/request_strategy",
    "/ajax/illust/5000111/recommend/init?limit=18",
    "/ajax/illust/recommend/illusts?illust_ids[]=5000111",
    "/ajax/discovery/artworks?mode=all&limit=20",
    "/ajax/discovery/users?limit=5",
    "/ajax/discovery/artworks/meta?mode=all",
    "/ajax/discovery/users/meta",
    "/ajax/notification",
    "/ajax/linked_service/tumeng?page=1",
)
ADULT = (
    "/ajax/search/artworks/rain?mode=r18",
    "/ajax/commission/page/request/complete/illust?mode=r18",
    "/ajax/illust/new?lastId=0&limit=20&type=illust&r18=true",
    "/ranking.php?format=json&mode=daily_r18",
    "/ajax/illust/5000711/pages",
    "/ajax/illust/5000313/ugoira_meta",
)


@pytest.mark.parametrize("path", LOGIN_ONLY)
def test_login_only(shared: Any, path: str):
    reply = shared.get(path)
    assert (reply.status, reply.json["error"], reply.json["body"]) == (400, True, [])
    assert shared.get(path, shared.sandbox.cookie[:-1]).status == 400, "a stale session is none"
    assert shared.get(path, shared.sandbox.cookie).status == 200


@pytest.mark.parametrize("path", ADULT)
def test_r18_needs_a_session(shared: Any, path: str):
    assert shared.get(path).status in (400, 401, 403)
    assert shared.get(path, shared.sandbox.cookie).status == 200


def test_r18_detail_hides_every_url(shared: Any):
    body = shared.body("/ajax/illust/5000711")
    assert set(body["urls"].values()) == {None}
    assert len(body["urls"]) == 5
    assert shared.body("/ajax/illust/5000711", shared.sandbox.cookie)["urls"]["original"].endswith("5000711_p0.jpg")


@pytest.mark.parametrize("agent", [None, "python-requests/2.34", "Scrapy/2.19 (+https://scrapy.org)"])
def test_an_odd_user_agent_is_refused(shared: Any, agent: str | None):
    reply = shared.get("/ajax/user/11", user_agent=agent)
    assert reply.status == 403
    assert reply.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("referer", "status"),
    [
        ("https://www.pixiv.net/", 200),
        ("https://www.pixiv.net/artworks/5000111", 200),
        ("https://app-api.pixiv.net/", 200),
        ("https://www.pixiv.net.example.org/", 403),
        ("http://www.pixiv.net/", 403),
        (None, 403),
    ],
)
def test_images_want_pixiv_as_referer(shared: Any, referer: str | None, status: int):
    url = shared.body("/ajax/illust/5000111")["urls"]["original"]
    assert shared.get(url, referer=referer).status == status


@pytest.mark.parametrize(
    "path",
    [
        "/ajax/user/16",
        "/ajax/user/16/profile/all",
        "/ajax/user/404",
        "/ajax/illust/1",
        "/ajax/illust/5000811",
        "/ajax/illust/1/pages",
    ],
)
def test_unknown_left_and_gone_answer_404(shared: Any, path: str):
    reply = shared.get(path, shared.sandbox.cookie)
    assert (reply.status, reply.json["error"], reply.json["body"]) == (404, True, [])


def test_works_for_mypixiv_alone(shared: Any):
    friends_only = shared.sandbox.world.work_id(17, 2)
    assert str(friends_only) not in shared.body("/ajax/user/17/profile/all")["illusts"]
    assert shared.get(f"/ajax/illust/{friends_only}").status == 404
    assert shared.get(f"/ajax/illust/{friends_only}", shared.sandbox.cookie).status == 200


@pytest.mark.parametrize(
    "query",
    [
        "ids[]=5000111&work_category=illustManga",
        "ids[]=5000111&is_first_page=0",
        "work_category=illustManga&is_first_page=0",
        "ids[]=x&work_category=illustManga&is_first_page=0",
        "&".join(f"ids[]={number}" for number in range(101)) + "&work_category=illustManga&is_first_page=0",
    ],
)
def test_profile_illusts_needs_its_parameters(shared: Any, query: str):
    assert shared.get(f"/ajax/user/11/profile/illusts?{query}").status == 400


def test_a_post_needs_session_and_token(own: Any):
    page = own.get("/", own.sandbox.cookie).body.decode()
    found = re.search(r"<meta [^>]*id=\"meta-global-data\" content='([^']*)'", page)
    assert found
    token = json.loads(html.unescape(found[1]))["token"]
    assert re.fullmatch("[0-9a-f]{32}", token)
    wanted = {"illust_id": "5000111", "restrict": 1, "comment": "", "tags": ["later"]}
    path = "/ajax/illusts/bookmarks/add"
    assert own.post(path, wanted, x_csrf_token=token).status == 400
    assert own.post(path, wanted, own.sandbox.cookie).status == 400
    assert own.post(path, wanted, own.sandbox.premium_cookie, x_csrf_token=token).status == 400, (
        "another reader's token"
    )
    assert own.post(path, wanted, own.sandbox.cookie, x_csrf_token=token, content_type="text/plain").status == 400

    reply = own.post(path, wanted, own.sandbox.cookie, x_csrf_token=token)
    kept = own.sandbox.world.shelf(901).bookmarks[0]
    assert reply.json["body"]["last_bookmark_id"] == str(kept.id)
    assert (kept.work_id, kept.private, kept.tags) == (5000111, True, ("later",))
    row = own.body("/ajax/illust/5000111", own.sandbox.cookie)
    assert row["bookmarkData"] == {"id": str(kept.id), "private": True}

    assert own.post("/ajax/illusts/like", {"illust_id": "5000111"}, own.sandbox.cookie, x_csrf_token=token).json[
        "body"
    ] == {"is_liked": True}
    assert own.sandbox.world.shelf(901).likes == {5000111}
    assert own.body("/ajax/illust/5000111", own.sandbox.cookie)["likeData"] is True
    assert own.post("/ajax/illusts/like", {"illust_id": "1"}, own.sandbox.cookie, x_csrf_token=token).status == 404
    assert own.get("/ajax/illusts/like", own.sandbox.cookie).status == 404, "GET is no POST"


def test_tls_is_trusted_by_its_own_authority_alone(tmp_path: Any):
    import ssl
    import urllib.request

    with Sandbox(World.demo(), tls=True) as sandbox:
        request = urllib.request.Request(f"{sandbox.base_url}/ajax/user/11", headers={"User-Agent": "Mozilla/5.0"})
        trusting = ssl.create_default_context(cafile=str(sandbox.ca_file))
        trusting.verify_flags |= ssl.VERIFY_X509_STRICT
        with urllib.request.urlopen(request, context=trusting) as response:
            assert json.load(response)["body"]["name"] == "mika of the harbour"
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(request, context=ssl.create_default_context())
        assert sandbox.environment()["SSL_CERT_FILE"] == str(sandbox.ca_file)
        ca_file = sandbox.ca_file
    assert ca_file is not None
    assert not ca_file.exists(), "the throw-away authority is gone with the sandbox"
