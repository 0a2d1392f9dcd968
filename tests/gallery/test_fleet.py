"""The page of a fleet: what `pixivcrawl fleet status` says, for a ledger that machines share, and for no other."""

from __future__ import annotations

import html
import re
from pathlib import Path

from sqlalchemy import create_engine, text

from pixivcrawl.ledger.service import Ledger
from tests.fleet.making import REFUSED, UNPLANNED, configured, make_fleet
from tests.gallery.conftest import Visitor, visiting

LINK = '<a href="/fleet"'


def cells(answer: str, heading: str, table: int = 1) -> list[list[str]]:
    """The rows of a table under a heading, the first if no other is asked for."""
    rows = answer.partition(f"<h2>{heading}</h2>")[2].split("<tbody>")[table].partition("</tbody>")[0]
    return [
        [html.unescape(re.sub("<[^>]*>", "", cell)) for cell in re.findall("<t[hd][^>]*>(.*?)</t[hd]>", row)]
        for row in rows.split("</tr>")[:-1]
    ]


def test_the_page_says_what_plain_sql_says(tmp_path: Path, postgres_url: str):
    configuration = configured(tmp_path, postgres_url, PIXIV_API_BUDGET=40)
    make_fleet(configuration)
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        sent = connection.execute(text("SELECT account, spent FROM accounts WHERE spent > 0")).all()
        waiting = connection.execute(
            text("SELECT args ->> 'account', count(*) FROM fleet.procrastinate_jobs GROUP BY 1 ORDER BY 1")
        ).all()
        files = connection.execute(
            text(
                "SELECT sum((counts::json ->> 'files_stored')::int) FROM crawls WHERE ended > now() - interval '1 day'"
            )
        ).scalar()
    engine.dispose()
    with visiting(tmp_path, postgres_url, fleet=configuration) as visitor:
        told = visitor.get("/fleet").text
        assert LINK in visitor.get("/artists").text
    assert cells(told, "Accounts") == [
        *([str(account), "nobody", f"{spent} of at most 40", "–"] for account, spent in sent),
        ["902", "nobody", "0 of at most 40", "30 min"],
    ]
    jobs = [[name or "none named", str(number), "0", "0"] for name, number in waiting]
    (unplanned,) = cells(told, "Jobs")
    assert unplanned[:2] == ["a:/one", UNPLANNED]
    assert [row[:4] for row in cells(told, "Jobs", table=2)] == jobs
    assert f"<dt>Files</dt><dd>{files}</dd>" in told
    assert cells(told, "The last day") == [[REFUSED, "4", "2"]]
    assert "<b>of</b>" not in told
    assert "Nobody sends anything to i.pximg.net for now." in told


def test_before_the_first_worker_the_page_says_what_to_do(tmp_path: Path, postgres_url: str):
    Ledger.open(postgres_url).close()
    with visiting(tmp_path, postgres_url, fleet=configured(tmp_path, postgres_url)) as visitor:
        assert "No worker has begun yet: pixivcrawl work" in visitor.get("/fleet").text


def test_an_archive_of_one_machine_has_no_such_page(gallery: Visitor):
    answer = gallery.get("/fleet")
    assert answer.status == 404
    assert LINK not in answer.text
    assert LINK not in gallery.get("/works").text
