"""Reads the pixiv session from a browser on this machine; takes only that cookie from its profile.

Where each browser keeps its cookies, and how, is known to rookie-cookies, which is an extra.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from pixivcrawl.api.text import did_you_mean, one_line, quoted
from pixivcrawl.cookies import PIXIV_DOMAINS
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.session import ACCOUNTS_OWN, Session, session_in

LONGEST_READ = 30.0
"""Seconds; a system's keyring may ask its owner for a password first."""

_OR_PASTE = "or run setup without --from-browser and paste the session"


def session_in_browser(named: str) -> Session:
    """The session of the one account that is signed in to pixiv in a browser, given as `firefox` or `firefox:PROFILE`.

    Raises ConfigurationError, in one line without any cookie, where there is none, or more than one.
    """
    browser, _, profile = named.partition(":")
    report = _read(browser, profile)
    found: dict[str, set[str]] = {}
    for each in report["profiles"]:
        cookies = [cookie for source in each["sources"] for cookie in source.get("cookies", ())]
        if values := {cookie["value"] for cookie in cookies if _is_an_accounts(cookie)}:
            found.setdefault(one_line(each["profile"]["display_name"], 40), set()).update(values)
    sessions = set().union(*found.values())
    if len(sessions) == 1:
        return session_in(f"PHPSESSID={sessions.pop()}", browser)
    raise ConfigurationError(_why_none(browser, report) if not found else _why_several(browser, list(found)))


def _read(browser: str, profile: str) -> dict[str, Any]:
    """Every profile of a browser with its pixiv cookies, and what could not be read; or only the given profile."""
    # Every keyring that is not there is a warning; what became of the cookies stands in the report.
    logging.getLogger("rookie_cookies").setLevel(logging.CRITICAL)
    try:
        # Only here: it is an extra.
        import rookie_cookies
    except ModuleNotFoundError:
        raise ConfigurationError(
            "--from-browser needs rookie-cookies: pip install 'pixivcrawl[browser]'; or run setup without it and paste the session"
        ) from None
    known = sorted(each["id"] for each in rookie_cookies.supported_browsers())
    if browser not in known:
        raise ConfigurationError(
            f"--from-browser: {quoted(browser)} cannot be read; {did_you_mean(browser, known)}there are {', '.join(known)}"
        )
    try:
        # Chrome on Windows would else be started and reached into, which programs against malware stop.
        return rookie_cookies.browser_report(
            browser, profile or None, ["pixiv.net"], timeout=LONGEST_READ, app_bound="disabled"
        )
    except rookie_cookies.RookieRequestError:
        names = {one_line(each["profile"]["display_name"], 40) for each in rookie_cookies.browser_profiles(browser)}
        there_are = f"there are {', '.join(sorted(names))}" if names else "it has none here"
        raise ConfigurationError(
            f"--from-browser: {browser} has no single profile {quoted(profile)}: {there_are}"
        ) from None
    except rookie_cookies.RookieError as error:
        raise ConfigurationError(f"{browser} cannot be read ({one_line(str(error))}): {_OR_PASTE[3:]}") from None


def _is_an_accounts(cookie: dict[str, Any]) -> bool:
    return (
        cookie["domain"].lower().removeprefix(".") in PIXIV_DOMAINS
        and ACCOUNTS_OWN.fullmatch(f"{cookie['name']}={cookie['value']}") is not None
        and (cookie["expires"] is None or cookie["expires"] > time.time())
    )


def _why_none(browser: str, report: dict[str, Any]) -> str:
    if not report["profiles"]:
        return f"no profile of {browser} was found here: sign in to pixiv in it, {_OR_PASTE}"
    issues = [issue for each in report["profiles"] for source in each["sources"] for issue in source["issues"]]
    if issues:
        return f"{browser} cannot be read ({one_line(issues[0]['message'], 160)}): close it and try again, {_OR_PASTE}"
    return f"nobody is signed in to pixiv in {browser}: sign in at www.pixiv.net and try again, {_OR_PASTE}"


def _why_several(browser: str, profiles: list[str]) -> str:
    if len(profiles) == 1:
        return f"{browser} holds more than one session of pixiv in its profile {profiles[0]}, as containers do: {_OR_PASTE[3:]}"
    return (
        f"{len(profiles)} profiles of {browser} are signed in to pixiv ({', '.join(profiles)}): say which, as in "
        f"--from-browser '{browser}:{profiles[0]}'"
    )
