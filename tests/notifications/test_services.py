"""Where notices go is a secret: it is read from two places, and shown nowhere."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixivcrawl.errors import ConfigurationError
from pixivcrawl.notifications.services import Service, read_services

SECRET = "s3cr3t"


def in_file(folder: Path, content: str, mode: int = 0o600) -> Path:
    file = folder / "urls"
    file.write_text(content, encoding="utf-8")
    file.chmod(mode)
    return file


def test_no_service_is_no_error() -> None:
    assert read_services({}, None) == ()
    assert read_services({"PIXIVCRAWL_NOTICE_URLS": "  \n"}, None) == ()


def test_from_the_environment_before_a_file(tmp_path: Path) -> None:
    file = in_file(tmp_path, "json://elsewhere/")
    services = read_services({"PIXIVCRAWL_NOTICE_URLS": "json://one/ ntfy://two\njson://one/"}, file)
    assert [(service.place, service.url) for service in services] == [(1, "json://one/"), (2, "ntfy://two")]


def test_from_a_file(tmp_path: Path) -> None:
    file = in_file(tmp_path, "\N{ZERO WIDTH NO-BREAK SPACE}# mine\n\n json://one/?to=a,b \r\n#json://off\nntfy://two")
    assert [service.url for service in read_services({}, file)] == ["json://one/?to=a,b", "ntfy://two"]


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"NOTICE_URLS_FILE .*cannot be read"):
        read_services({}, tmp_path / "none")


def test_without_apprise_the_extra_is_named_to_those_who_want_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert read_services({}, None) == ()
    with pytest.raises(ConfigurationError, match=r"pip install 'pixivcrawl\[notices\]'"):
        read_services({"PIXIVCRAWL_NOTICE_URLS": "json://one/"}, None)


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, True), (0o604, True), (0o622, True)])
def test_a_file_that_others_can_read_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, *, warned: bool
) -> None:
    file = in_file(tmp_path, f"json://{SECRET}/", mode)
    with caplog.at_level(logging.WARNING):
        read_services({}, file)
    assert (f"chmod 600 {file}" in caplog.text) is warned
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"json://me:{SECRET}@hooks.example.org:8080/{SECRET}?k={SECRET}", "1 json://hooks.example.org"),
        (f"mailtos://me:{SECRET}@gmail.com", "1 mailtos://gmail.com"),
        (f"tgram://{SECRET}/123", "1 tgram"),
        (f"discord://{SECRET}/{SECRET}", "1 discord"),
        (f"ntfy://{SECRET}", "1 ntfy"),
        (f"jsons://me:pa/{SECRET}@host/x", "1 jsons"),
        (f"json://{SECRET}#@host", "1 json"),
        (f"json://[{SECRET}/", "1 json"),
        (SECRET, "1 (no URL)"),
        (f"{SECRET} x://y", "1 (no URL)"),
    ],
)
def test_a_service_is_told_by_its_kind_alone(url: str, shown: str) -> None:
    assert str(Service(1, url)) == shown
    assert SECRET not in repr(Service(1, url))


PARTS = st.text(st.characters(codec="utf-8"), max_size=12)


@given(
    scheme=st.sampled_from(["json", "mailto", "tgram", "discord", "gotifys", "what"]),
    before=PARTS,
    user=PARTS,
    path=PARTS,
    after=st.sampled_from(["", "@host/", "@host:80/x", "/", "?a=b"]),
)
def test_no_user_password_or_path_is_ever_shown(scheme: str, before: str, user: str, path: str, after: str) -> None:
    """The secret stands after the user's name, in the path, in the query: everywhere but in a host's own place."""
    for url in (
        f"{scheme}://{user}:{SECRET}{before}{after}",
        f"{scheme}://h{after}/{path}{SECRET}",
        f"{scheme}://h?{path}{SECRET}",
    ):
        assert SECRET not in str(Service(1, url))
        assert str(Service(1, url)).isprintable()
