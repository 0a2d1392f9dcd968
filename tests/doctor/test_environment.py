"""What is said of versions, clocks, certificates and settings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from scrapy.settings import Settings

from pixivcrawl.configuration import Configuration
from pixivcrawl.doctor.environment import (
    check_certificates,
    check_clock,
    check_notices,
    check_pace,
    check_secrets,
    unfit_distributions,
)
from pixivcrawl.doctor.findings import exit_code
from tests.travelling import of_the_project

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("ahead", "state", "code"),
    [
        (timedelta(0), "ok", 0),
        (timedelta(seconds=-59), "ok", 0),
        (5 * MINUTE, "warning", 0),
        (-5 * MINUTE, "warning", 0),
        (90 * MINUTE, "problem", 2),
        (timedelta(days=-400), "problem", 2),
    ],
)
def test_a_clock_is_held_against_pixivs(ahead: timedelta, state: str, code: int) -> None:
    finding = check_clock(NOW - ahead, NOW, None)
    assert (finding.state, finding.exit_code) == (state, code)
    if state != "ok":
        assert ("ahead of" if ahead > timedelta(0) else "behind") in finding.found


def test_a_ledger_from_the_future_tells_of_a_clock_that_was_set_back() -> None:
    assert check_clock(None, NOW, NOW + 2 * MINUTE).state == "warning"
    assert check_clock(NOW, NOW, NOW + timedelta(seconds=30)).state == "ok"
    assert check_clock(None, NOW, None).state == "ok"


def of_settings(**values: Any) -> Settings:
    return of_the_project({"USER_AGENT": "test"} | values)


def test_only_what_is_riskier_than_the_default_is_warned_of() -> None:
    def states(**values: Any) -> list[tuple[str, str]]:
        found = check_pace(Configuration.from_settings(of_settings(**values)))
        return [(finding.state, finding.found.partition("=")[0]) for finding in found]

    assert [state for state, _ in states()] == ["ok"]
    assert [state for state, _ in states(PIXIV_API_DELAY=9, PIXIV_IMAGE_CONCURRENCY=1)] == ["ok"]
    assert states(PIXIV_API_DELAY=1, PIXIV_API_CONCURRENCY=2, PIXIV_RATE_LIMIT_WAIT=5, PIXIV_API_RETRIES=9) == [
        ("warning", name)
        for name in ("PIXIV_API_DELAY", "PIXIV_API_CONCURRENCY", "PIXIV_API_RETRIES", "PIXIV_RATE_LIMIT_WAIT")
    ]


@pytest.mark.parametrize(
    ("name", "content"), [("PIXIV_COOKIE_FILE", "1_hush"), ("NOTICE_URLS_FILE", "json://hush@host")]
)
def test_a_secret_that_others_can_read_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str
) -> None:
    monkeypatch.delenv("PIXIV_COOKIE_FILE", raising=False)
    file = tmp_path / "secret"
    file.write_text(content)
    settings = of_settings(**{name: str(file)})
    for mode, state in ((0o600, "ok"), (0o640, "warning"), (0o602, "warning")):
        file.chmod(mode)
        (finding,) = check_secrets(settings)
        assert finding.state == state
        assert "hush" not in finding.found
    assert not list(check_secrets(of_settings()))


def test_services_are_named_without_their_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXIVCRAWL_NOTICE_URLS", "json://me:hush@127.0.0.1/x tgram://hush/1")
    finding = check_notices(of_settings())
    assert (finding.state, "hush" in finding.found) == ("ok", False)
    assert "json://127.0.0.1" in finding.found
    monkeypatch.delenv("PIXIVCRAWL_NOTICE_URLS")
    missing = check_notices(of_settings(NOTICE_URLS_FILE=str(tmp_path / "none")))
    assert (missing.state, missing.exit_code) == ("problem", 2)


def test_a_certificate_file_that_is_none_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    assert check_certificates().state == "ok"
    (tmp_path / "empty.pem").write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "empty.pem"))
    finding = check_certificates()
    assert (finding.state, exit_code([finding])) == ("problem", 2)
    assert "SSL_CERT_FILE" in finding.found


def test_what_is_installed_is_held_against_what_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "pixivcrawl-1.dist-info"
    info.mkdir()
    needs = ("scrapy>=2.19,<2.20", "pillow>=99", "no-such-thing", "psycopg; extra == 'postgres'")
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: pixivcrawl\nVersion: 1\n" + "".join(f"Requires-Dist: {need}\n" for need in needs)
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert list(unfit_distributions()) == [
        f"pillow {metadata.version('pillow')} is installed, and >=99 is needed",
        "no-such-thing is not installed",
    ]
