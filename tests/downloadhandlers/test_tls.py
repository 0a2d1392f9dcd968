from __future__ import annotations

import ssl
from pathlib import Path

import certifi
import pytest
import trustme
from scrapy.exceptions import DownloadFailedError

from pixivcrawl.api.catalogue import USER_SHORT
from pixivcrawl.downloadhandlers import tls
from pixivcrawl.downloadhandlers.tls import trust_context
from pixivcrawl.errors import ConfigurationError
from tests.sandbox.serving import Sandbox, World
from tests.travelling import settings_for, travel


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(World.of(works=1), tls=True)


def test_a_certificate_of_ones_own_authority(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with sandbox:
        monkeypatch.setenv("SSL_CERT_FILE", str(sandbox.ca_file))
        journey = travel(settings_for(tmp_path, sandbox), USER_SHORT.request(sandbox.base_url, id=11))
    assert journey.only.status == 200


@pytest.mark.parametrize("trusted", ["the system's", "another"])
def test_a_certificate_that_nobody_vouches_for_gets_no_request(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: str
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    if trusted == "another":
        trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("PIXIV_PHPSESSID", "901_secret")
    with sandbox:
        request = USER_SHORT.request(sandbox.base_url, id=11)
        journey = travel(settings_for(tmp_path, sandbox, PIXIV_API_RETRIES=0), request)
        assert sandbox.log == []
    assert "its certificate is not believed" in str(journey.only)


def test_a_certificate_for_another_name_gets_no_request(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sandbox:
        monkeypatch.setenv("SSL_CERT_FILE", str(sandbox.ca_file))
        port = sandbox.base_url.rpartition(":")[2]
        settings = settings_for(tmp_path, PIXIV_IMAGE_HOSTS=f"127.0.0.2:{port}")
        request = USER_SHORT.request("https://www.pixiv.net", id=11).replace(url=f"https://127.0.0.2:{port}/x", meta={})
        journey = travel(settings, request)
    assert isinstance(journey.only, DownloadFailedError)


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_file_without_certificates_ends_the_run(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE") as refused:
        trust_context()
    assert str(refused.value).isprintable()
    with sandbox:
        journey = travel(settings_for(tmp_path / "archive", sandbox), USER_SHORT.request(sandbox.base_url, id=11))
    assert isinstance(journey.ended_by, ConfigurationError)


def test_a_system_without_a_store_has_certifis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    paths = ssl.get_default_verify_paths()
    monkeypatch.setattr(ssl.SSLContext, "set_default_verify_paths", lambda context: None)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths._replace(capath=str(tmp_path)))
    tls._context.cache_clear()
    context = trust_context()
    expected = ssl.create_default_context(cafile=certifi.where())
    assert context.cert_store_stats() == expected.cert_store_stats()
    tls._context.cache_clear()


def test_names_and_certificates_are_always_verified() -> None:
    context = trust_context()
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
