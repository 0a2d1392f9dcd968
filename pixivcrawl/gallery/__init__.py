"""The gallery: the archive as web pages for a person at this machine, read from the ledger and the derived index.

A page is a function in `pages/`, a template in `templates/`, and a line in `routes.PAGES`. The function takes a `Connection` to the
ledger (one snapshot for the whole page) and the `PageRequest`, runs in a thread, and returns a `Page`: the template's name and its values
(or `JsonData`, which a script reads as JSON). It raises `NotFound` for what the archive does not have, and ConfigurationError for an
address that it does not understand.

A template extends `base.html` (blocks `title`, `main`, `scripts`). The filters and functions that it has beside Jinja's own are in
`rendering.py` (`time`, `day`, `name`, `size`, `thumb`, `original`, `with_query` ...), and the grid of works is the macro `grid` of
`grid.html`. Texts are written in English as `{{ _("Text %(number)s", number=3) }}` and `ngettext`; `texts/` has them in other languages.
"""
