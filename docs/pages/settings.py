"""docs/settings.md: what settings/ says, read from its text, so that the environment of whoever makes the page says nothing."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pages.markdown import blocks, code, described, table
from pixivcrawl import configuration
from pixivcrawl.archive import verdict
from pixivcrawl.scrapy_settings import INERT, NOT_OBEYED, OBEYED, REFUSED

SETTINGS = Path(__file__).resolve().parents[2] / "settings"
OWN = "Our own"
"""The section of settings/base.py that holds the settings of this project."""

ENVIRONMENT = {
    "PIXIVCRAWL_CONFIG": "The configuration file, as `--config`.",
    "SCRAPY_PROJECT": "Which profile gives the defaults: `default`, `server` or `sandbox`.",
    "PIXIVCRAWL_AS": "The profile in that file, as `--as`.",
    "PIXIV_PHPSESSID": "The session: the value of the cookie `PHPSESSID` of a browser that is logged in to pixiv.",
    "PIXIV_COOKIE": "The session as a browser's whole Cookie header; PIXIV_PHPSESSID takes precedence.",
    "PIXIV_COOKIE_FILE": "A file with the session, as the setting; PIXIV_PHPSESSID and PIXIV_COOKIE take precedence.",
    "CREDENTIALS_DIRECTORY": "Where systemd puts a service's credentials: for a session in that folder, there is no warning that others "
    "can read it.",
    "PIXIVCRAWL_NOTICE_URLS": "The notice services' URLs, separated by spaces; takes precedence over NOTICE_URLS_FILE.",
    "SSL_CERT_FILE": "A PEM file with the certificates to trust, instead of the system's.",
    "TERM": "The kind of terminal: a `dumb` one gets a line a minute instead of a progress bar.",
}
"""What the code reads from the environment under a name that is not PIXIVCRAWL_ and a setting's."""


EXAMPLE = """\
```toml
version = 1
archive_dir = "/srv/pixiv"
pixiv_cookie_file = "session"
pixiv_api_delay = 2.5

[profiles.second]
archive_dir = "/srv/second"
pixiv_cookie_file = "session-of-second"
```"""


@dataclass(frozen=True, slots=True)
class Setting:
    """One assignment of a settings module: the heading and the comment it stands under, and its value as written."""

    name: str
    section: str
    comment: str
    default: str
    from_environment: bool


def page() -> str:
    said = settings_of("base")
    own = [setting for setting in said if setting.section == OWN]
    return blocks(
        "# Settings",
        "Give a setting on the command line, as in `-s ARCHIVE_DIR=elsewhere`; in the environment, as in "
        '`PIXIVCRAWL_ARCHIVE_DIR=elsewhere`; or in `pixivcrawl.toml`, in lower case, as in `archive_dir = "elsewhere"`. The command line '
        "takes precedence over the environment, and the environment over the file. `pixivcrawl config` shows each value and where "
        "it comes from. "
        "`SCRAPY_PROJECT=server` in the environment selects the "
        "profile for servers, `SCRAPY_PROJECT=sandbox` the one for a sandbox.",
        "## pixivcrawl.toml",
        "The file is the one that `--config FILE` or `PIXIVCRAWL_CONFIG` names; otherwise the nearest `pixivcrawl.toml` in the "
        "current folder or "
        "one above it, such as beside the archive; otherwise the one in your configuration folder, where `pixivcrawl setup` writes it (on "
        "Linux `~/.config/pixivcrawl/pixivcrawl.toml`). With `--as NAME` or `PIXIVCRAWL_AS`, a profile's values replace those above it in "
        "the file.",
        EXAMPLE,
        "## What you may want to set",
        table(["setting", "default", "takes", "what it is"], (own_row(group) for group in groups(own))),
        "## Session, notices, certificates and files",
        "A session and the URLs of notice services are secrets, so they come from the environment or a file, never from an "
        "argument list.",
        table(["environment", "what it is"], ((code(name), described(text)) for name, text in ENVIRONMENT.items())),
        "## Scrapy's own settings",
        "Each of them is obeyed, depends on another one as in every Scrapy project, or is refused: setting one that would do nothing here "
        "ends the command with exit code 2 and one line that says what to use instead.",
        table(["obeyed", "settings"], ((about, codes(names)) for about, names in OBEYED.items())),
        table(
            ["does nothing until this is set", "settings"], ((code(on), codes(names)) for on, names in INERT.items())
        ),
        table(["refused", "because"], ((codes(names), described(why)) for why, names in refused().items())),
        "## What differs from Scrapy's defaults",
        *others([setting for setting in said if setting.section != OWN]),
        "## The server profile",
        "For a machine that nobody watches; [schedule.md](schedule.md) says how to use it.",
        table(["setting", "value", "why"], (row(setting) for setting in settings_of("server"))),
        "## The sandbox profile",
        table(["setting", "value", "why"], (row(setting) for setting in settings_of("sandbox"))),
    )


def codes(names: Iterable[str]) -> str:
    return ", ".join(code(name) for name in names)


def refused() -> dict[str, list[str]]:
    """The names that are refused, by the line that says why; those that may be said all the same with the one value that holds."""
    found: dict[str, list[str]] = {}
    for name, refusal in REFUSED.items():
        other_than = "" if refusal.always is NOT_OBEYED else f" other than {refusal.always}"
        found.setdefault(refusal.instead, []).append(f"{name}{other_than}")
    return found


def own_row(group: list[Setting]) -> tuple[str, str, str, str]:
    """Settings that share one comment, in one row."""
    return (
        ", ".join(code(setting.name) for setting in group),
        ", ".join(default_text(setting) for setting in group),
        "; ".join(dict.fromkeys(taken(setting) for setting in group)),
        described(group[0].comment),
    )


def taken(setting: Setting) -> str:
    if setting.default in ("True", "False"):
        return "true or false"
    return limits().get(setting.name, "text")


def row(setting: Setting) -> tuple[str, str, str]:
    return code(setting.name), default_text(setting), described(setting.comment)


def default_text(setting: Setting) -> str:
    return "empty" if setting.default == '""' else code(setting.default.strip('"'))


def others(settings: list[Setting]) -> Iterator[str]:
    """The other settings by section, those under one comment together, each value as it is written."""
    section = ""
    for group in groups(settings):
        if group[0].section != section:
            section = group[0].section
            yield f"### {section}"
        values = "\n".join(f"{setting.name} = {setting.default}" for setting in group)
        environment = [f" In the environment: `PIXIVCRAWL_{each.name}`." for each in group if each.from_environment]
        yield f"#### {', '.join(setting.name for setting in group)}"
        yield described(group[0].comment) + "".join(environment)
        yield f"```python\n{values}\n```"


def groups(settings: list[Setting]) -> Iterator[list[Setting]]:
    group: list[Setting] = []
    for setting in settings:
        if group and (setting.comment, setting.section) != (group[0].comment, group[0].section):
            yield group
            group = []
        group.append(setting)
    if group:
        yield group


def settings_of(profile: str) -> list[Setting]:
    """The settings that a module of settings/ assigns, in its order."""
    text = (SETTINGS / f"{profile}.py").read_text(encoding="utf-8")
    lines = text.splitlines()
    found: list[Setting] = []
    for node in ast.parse(text).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if not isinstance(target, ast.Name) or not target.id.isupper() or value is None:
            continue
        default, is_from_environment = default_of(value, text)
        comment = comment_above(lines, node.lineno - 1)
        follows = bool(found) and not comment and bool(lines[node.lineno - 2].strip())
        found.append(
            Setting(
                name=target.id,
                section=section_above(lines, node.lineno - 1),
                comment=found[-1].comment if follows else comment,
                default=default,
                from_environment=is_from_environment,
            )
        )
    return found


def default_of(value: ast.expr, text: str) -> tuple[str, bool]:
    """A value as written, or the one that holds when the environment says nothing; and whether it may say something."""
    match value:
        case ast.IfExp(orelse=otherwise):
            return default_of(otherwise, text)
        case ast.Call(func=ast.Name(id="from_environment"), args=[_, ast.Attribute(ast.Name(module), name)]):
            # A default that the code knows too, because it warns of less.
            return str(getattr({"configuration": configuration, "verdict": verdict}[module], name)), True
        case ast.Call(func=ast.Name(id="from_environment"), args=[_, otherwise]):
            return ast.get_source_segment(text, otherwise) or "", True
        case ast.Call(func=ast.Name(id="from_environment"), keywords=[ast.keyword(value=otherwise)]):
            return ast.get_source_segment(text, otherwise) or "", True
        case _:
            return ast.get_source_segment(text, value) or "", False


def comment_above(lines: list[str], number: int) -> str:
    """The comment that ends on the line before the one with this number."""
    first = number
    while first and lines[first - 1].startswith("#"):
        first -= 1
    return " ".join(line.lstrip("# ") for line in lines[first:number])


def section_above(lines: list[str], number: int) -> str:
    """The last comment of one line that stands by itself between empty lines."""
    for before in range(number - 1, 0, -1):
        if lines[before].startswith("# ") and not lines[before - 1] and not lines[before + 1]:
            return lines[before].removeprefix("# ")
    return ""


def limits() -> dict[str, str]:
    """What each number of the settings may be, from the checks of pixivcrawl.configuration."""
    found = {}
    kinds = {"_seconds": "seconds", "_whole": "a whole number"}
    for node in ast.walk(ast.parse(inspect.getsource(configuration))):
        match node:
            case ast.Call(func=ast.Name(id=check), args=[_, ast.Constant(value=str() as name)], keywords=given) if (
                check in kinds
            ):
                bounds = {each.arg: ast.literal_eval(each.value) for each in given}
                most = f" to {bounds['most']}" if "most" in bounds else ""
                found[name] = f"{kinds[check]} from {bounds.get('least', 0)}{most}"
    return found
