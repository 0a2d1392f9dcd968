"""A session is taken in every form in which a person can copy it; what is refused is told by what it seems to be."""

from __future__ import annotations

import json

import pytest

from pixivcrawl.errors import ConfigurationError
from pixivcrawl.session import session_in

VALUE = "901_AbCdEfGhIjKlMnOpQrStUvWxYz012345"
ROWS = [(".pixiv.net", "PHPSESSID", VALUE), ("www.pixiv.net", "p_ab_id", "3"), (".evil.example", "foreign", "no")]
LINES = [(domain, "TRUE", "/", "TRUE", "1999999999", name, value) for domain, name, value in ROWS]
EXPORT = [{"domain": domain, "name": name, "value": value, "httpOnly": True} for domain, name, value in ROWS]
HEADER = f"first_visit=2026; PHPSESSID={VALUE}; p_ab_id=3"
OF_A_REQUEST = "curl 'https://www.pixiv.net/ajax/user/extra' \\\n  -H 'accept: application/json' \\\n  "
IN_CMD = 'curl ^"https://www.pixiv.net/ajax/user/extra^" ^\r\n  -H ^"accept: application/json^" ^\r\n  '


@pytest.mark.parametrize(
    "text",
    [
        VALUE,
        f'"{VALUE}"',
        f"PHPSESSID={VALUE}",
        f"PHPSESSID: {VALUE}",
        f'PHPSESSID:"{VALUE}"',
        f"PHPSESSID\t{VALUE}\t.pixiv.net\t/\t2026-12-30T00:00:00.000Z\t50\t✓",
        HEADER,
        f"Cookie: {HEADER}",
        f"cookie:\n{HEADER}\n",
        f"'{HEADER}'",
        f"Set-Cookie: PHPSESSID={VALUE}; expires=Wed, 30-Dec-2026 00:00:00 GMT; path=/; domain=.pixiv.net; HttpOnly",
        f"{OF_A_REQUEST}-H 'cookie: {HEADER}' --compressed",
        f"$ {OF_A_REQUEST}-b '{HEADER}' \\\n  --compressed",
        f"curl https://www.pixiv.net/ -b PHPSESSID={VALUE}",
        f'{IN_CMD}-b ^"{HEADER}^" ^\r\n  --compressed',
        "# Netscape HTTP Cookie File\n\n" + "\n".join("\t".join(line) for line in LINES),
        "\n".join("#HttpOnly_" + "\t".join(line) for line in LINES),
        "\n".join("    ".join(line) for line in LINES),
        json.dumps(EXPORT, indent=2),
        json.dumps({"cookies": EXPORT, "origins": []}),
        json.dumps({"PHPSESSID": VALUE, "p_ab_id": "3"}),
        json.dumps({"Request Cookies": {"PHPSESSID": VALUE}}),
        f"\ufeff\r\n  PHPSESSID={VALUE}  \r\n",
    ],
)
def test_every_usual_form_is_taken(text: str) -> None:
    session = session_in(text, "here")
    assert session.user_id == 901
    assert f"PHPSESSID={VALUE}" in session.cookie.split("; ")
    assert "foreign" not in session.cookie


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("  \n", "holds nothing; log in to pixiv"),
        ("901_AbCd…012345", "was shortened with dots"),
        ("https://www.pixiv.net/users/901?" + VALUE, "is an address, not a cookie"),
        (f"<html>{VALUE}</html>", "is a page, not a cookie"),
        (f"p_ab_id=3; device_token={VALUE}", "holds no PHPSESSID, or more than one"),
        (f"PHPSESSID={VALUE}; PHPSESSID=11_{VALUE}", "holds no PHPSESSID, or more than one"),
        (f"{VALUE}\n{VALUE}", "holds characters that no cookie has"),
        (f"{VALUE[:8]} {VALUE[8:]}", "holds no PHPSESSID, or more than one"),
        (f"{VALUE}漢", "holds characters that no cookie has"),
        ("\t".join(LINES[2]), "is a cookies.txt of other sites alone: it holds no PHPSESSID"),
        ("\t".join(LINES[1]), "is a cookies.txt of pixiv, where nobody was logged in"),
        ("# Netscape HTTP Cookie File\n", "is a cookies.txt without a cookie"),
        (json.dumps(EXPORT[2:]), "is an export of cookies of other sites alone"),
        (json.dumps(EXPORT)[:-9], "begins like JSON but is not; export the whole cookies again"),
        ("[]", "is an export of cookies with no cookie"),
        (f"curl 'https://evil.example/' -H 'cookie: {HEADER}'", "is a curl line of another site"),
        (f"{OF_A_REQUEST}-H 'referer: {VALUE}'", "is a curl line without a cookie"),
        ("PHPSESSID=" + VALUE * 600, "holds characters that no cookie has"),
    ],
)
def test_what_is_no_session_is_refused_with_its_reason(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        session_in(text, "here")
    message = str(refused.value)
    assert message.startswith(f"here: {said}")
    assert message.isprintable()
    assert VALUE[4:] not in message
    assert refused.value.__cause__ is None
