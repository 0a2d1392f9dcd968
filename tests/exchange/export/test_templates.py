"""Templates: what they give, what they refuse, and that nothing leads out of the folder."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixivcrawl.api.text import one_line
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.exchange.export.templates import FILE, Template, read_template
from pixivcrawl.exchange.export.tokens import TOKENS
from tests.exchange.export.making import a_file, a_work
from tests.exchange.export.test_names import HOSTILE, assert_is_safe
from tests.test_project import ROOT

PAGE = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")


def name_of(template: str, **facts: object) -> str:
    return read_template(f"{template}.{{ext}}", of_files=True).path(a_work(**facts), a_file()).removesuffix(".png")


# What the docs say


def rows(head: str) -> list[list[str]]:
    """The rows of the table of docs/export.md that begins with that head, each cell without its marks."""
    table = PAGE.partition(f"\n| {head} |")[2].partition("\n\n")[0]
    cells = [re.split(r" (?<!\\)\| ", line.strip("| ")) for line in table.splitlines()[2:]]
    assert len(cells) > 10
    return [[cell.strip("`").replace("\\|", "|") for cell in row] for row in cells]


def test_every_token_gives_what_the_docs_show_of_it():
    told = rows("token")
    assert [token for token, *_ in told] == [f"{{{name}}}" for name in TOKENS]
    for token, shown, _ in told:
        template = read_template(f"x{token}/{{id}}.{{ext}}", of_files=True)
        assert template.path(a_work(), a_file()).split("/")[0] == f"x{shown}", token


def test_what_the_docs_write_of_templates_is_so():
    for template, shown in rows("template"):
        assert read_template(template, of_files=True).path(a_work(), a_file()) == shown, template


def test_templates_of_other_tools_have_their_like():
    for ours, *_ in rows("ours"):
        assert read_template(f"x{ours}/{{id}}.{{ext}}", of_files=True).path(a_work(), a_file())


# What is refused


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{titel}.{ext}", "titel is no token; did you mean title?"),
        ("{title}", "write .{ext} at its end"),
        ("/{title}.{ext}", "begin it with no /"),
        ("../{title}.{ext}", "leave out . and .."),
        ("a/../{title}.{ext}", "character 2"),
        ("{title.{ext}", "a brace stands alone"),
        ("{title}}.{ext}", "a brace stands alone"),
        ("a:b{title}.{ext}", "cannot stand in a name on every system"),
        ("a\u202eb.{ext}", "cannot stand in a name"),
        ("{page:x}.{ext}", "page takes a width, as in :03"),
        ("{created:%Y/%m}.{ext}", "created takes %Y"),
        ("{created:%H:%M}.{ext}", "created takes %Y"),
        ("{title:0}.{ext}", "title takes at most so many characters"),
        ("{if series}a.{ext}", "an {if ...} is not ended"),
        ("a{end}.{ext}", "there is no {if ...} before it"),
        ("{if pages > many}{end}.{ext}", "pages is a number"),
        ("{if title > b}{end}.{ext}", "it takes == and !="),
        ("{if created > 2021}{end}.{ext}", "times are not compared"),
        ("{if not kind == manga}{end}.{ext}", "write kind != manga"),
        ("{if }{end}.{ext}", "write a condition as in"),
        ("{}.{ext}", "name a token"),
        (f"{'a' * 101}.{{ext}}", "is too long"),
        ("{if ai}" * 21 + "{end}" * 21 + ".{ext}", "too many {if ...}"),
        ("", "begin it with no /"),
    ],
)
def test_a_template_is_checked_before_anything_is_named(template: str, said: str):
    with pytest.raises(ConfigurationError, match=re.escape(said)) as raised:
        read_template(template, of_files=True)
    assert "\n" not in str(raised.value)


def test_what_is_of_a_file_names_no_book():
    with pytest.raises(ConfigurationError, match="page is of a file"):
        read_template("{title} {page}", of_files=False, ending=".cbz")


@given(st.text(st.sampled_from("{}|:'/.%0Yabif elsndtitlepage<>=!\u202e ")))
def test_any_text_is_a_template_or_refused_in_a_line(text: str):
    try:
        template = read_template(f"{text}.{{ext}}", of_files=True)
    except ConfigurationError as error:
        refused = str(error)
    else:
        refused = ""
        assert_lies_inside(template.path(a_work(), a_file()))
    assert refused == one_line(refused, 1000)


# Hostile titles


def assert_lies_inside(path: str) -> None:
    assert not PurePosixPath(path).is_absolute()
    assert path
    for part in path.split("/"):
        assert part
        assert_is_safe(part)


TEMPLATES = [
    read_template(text, of_files=True)
    for text in (
        FILE,
        "{title}.{ext}",
        "{title}/{page}.{ext}",
        "{user}/{title}/{translated_title}.{ext}",
        "{tags}{title}{user}.{ext}",
        "{if pages > 1}{title}/{end}{title:20|id}.{ext}",
        "{series|title}.{account}.{ext}",
    )
]


HOSTILE_NAMES = given(HOSTILE, HOSTILE, st.sampled_from(TEMPLATES))


@settings(max_examples=150)
@HOSTILE_NAMES
def test_hostile_titles_lie_where_they_should(title: str, user: str, template: Template):
    path = template.path(a_work({"name": user, "account": title}, title=title, translated_title=user), a_file())
    assert_lies_inside(path)
    assert path.endswith("png")


@pytest.mark.long
@settings(max_examples=2_000)
@HOSTILE_NAMES
def test_so_do_two_thousand_of_them(title: str, user: str, template: Template):
    test_hostile_titles_lie_where_they_should.hypothesis.inner_test(title, user, template)
