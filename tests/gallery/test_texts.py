"""Every text of the templates stands in the catalogue of each language, with the same values in it, and no other does."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files

import pytest
from jinja2 import Environment

from pixivcrawl.gallery.rendering import LANGUAGES
from tests.gallery.conftest import Visitor

GALLERY = files("pixivcrawl.gallery")

OTHERS = sorted(LANGUAGES.keys() - {"en"})


def texts_of_templates() -> set[str]:
    environment = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    found: set[str] = set()
    for template in (GALLERY / "templates").iterdir():
        for _, _, texts in environment.extract_translations(template.read_text(encoding="utf-8")):
            found.update(text for text in (texts if isinstance(texts, tuple) else (texts,)) if text)
    return found


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_has_every_text_and_no_other(language: str):
    told = tomllib.loads((GALLERY / "texts" / f"{language}.toml").read_text(encoding="utf-8"))
    assert told["texts"].keys() == texts_of_templates()
    assert told["reviewed"] is False
    for english, text in told["texts"].items():
        assert sorted(re.findall(r"%\(\w+\)s", text)) == sorted(re.findall(r"%\(\w+\)s", english)), english


@pytest.mark.parametrize("language", OTHERS)
def test_a_page_speaks_the_language_of_the_browser(gallery: Visitor, language: str):
    answer = gallery.get("/artists", Accept_Language=f"{language}-XX,en;q=0.5")
    assert f'<html lang="{language}">' in answer.text
    told = tomllib.loads((GALLERY / "texts" / f"{language}.toml").read_text(encoding="utf-8"))["texts"]
    assert f"<h1>{told['Artists']}</h1>" in answer.text
