"""`pixivcrawl.toml`: settings by their names in lower case, and profiles for further accounts and archives.

    version = 1
    archive_dir = "/srv/pixiv"
    pixiv_cookie_file = "session"

    [profiles.second]
    archive_dir = "/srv/second"

A path counts from the folder of the file. The command line and the environment win over it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scrapy.settings import BaseSettings
from scrapy.utils.conf import closest_scrapy_cfg

from pixivcrawl.api.text import did_you_mean, quoted
from pixivcrawl.console import complain
from pixivcrawl.errors import ConfigurationError

FILE_NAME = "pixivcrawl.toml"

VERSION = 1

PREFIX = "PIXIVCRAWL_"
"""What a setting's name has before it in the environment."""

SESSION = frozenset({"PIXIV_PHPSESSID", "PIXIV_COOKIE", "PIXIV_COOKIE_FILE"})
"""Variables that are named without it."""

NO_SETTINGS = frozenset({"CONFIG", "AS", "NOTICE_URLS"})
"""What the environment also says with it."""

OF_THE_FILE = ("version", "profiles")
"""The keys that are no settings."""


@dataclass(frozen=True, slots=True)
class Place:
    file: Path
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}, column {self.column}"


class Written(str):
    """The value of a setting, as text, and where it is written."""

    place: Place

    @classmethod
    def at(cls, place: Place, value: str) -> Written:
        written = cls(value)
        written.place = place
        return written


def own_place() -> Path | None:
    """Where a user's own configuration file belongs on this system; None if the home folder is unknown, as without HOME."""
    # Only here: one that lies nearer is found without it.
    from platformdirs import user_config_path

    try:
        return user_config_path("pixivcrawl", appauthor=False) / FILE_NAME
    except RuntimeError:
        return None


def expanded(given: str, what: str) -> Path:
    """A path with `~` replaced by the home folder. Raises ConfigurationError, whose message begins with `what` the path is."""
    try:
        return Path(given).expanduser().absolute()
    except RuntimeError:
        raise ConfigurationError(
            f"{what}: the home folder in {quoted(given)} is unknown (is HOME set?): write the whole path"
        ) from None


def found() -> Path | None:
    """The file that PIXIVCRAWL_CONFIG names; otherwise the nearest one here or above; otherwise the user's own, if any."""
    if given := os.environ.get("PIXIVCRAWL_CONFIG"):
        return expanded(given, "--config")
    here = Path.cwd()
    near = (folder / FILE_NAME for folder in (here, *here.parents))
    return next((file for file in (*near, own_place()) if file and file.is_file()), None)


def read() -> dict[str, Written]:
    """What the file, and the profile that PIXIVCRAWL_AS names, say, by setting.

    Raises ConfigurationError, in one line with the place, for what cannot be used.
    """
    profile = os.environ.get("PIXIVCRAWL_AS", "")
    # Made-up works never lie beside real ones.
    file = None if os.environ.get("SCRAPY_PROJECT") == "sandbox" else found()
    if file is None:
        if profile:
            raise ConfigurationError(
                f"there is no {FILE_NAME} with a profile {quoted(profile)}: make one with pixivcrawl setup"
            )
        return {}
    text = _text(file)
    content = _parsed(file, text)
    _check_version(file, text, content)
    profiles = content.get("profiles", {})
    if not isinstance(profiles, dict) or not all(isinstance(each, dict) for each in profiles.values()):
        raise ConfigurationError(f"{place_of(file, text, 'profiles')}: write each profile as [profiles.NAME]")
    if profile and profile not in profiles:
        known = (
            f"there are {', '.join(profiles)}" if profiles else f"it has none; pixivcrawl --as {profile} setup adds it"
        )
        raise ConfigurationError(f"{file}: no profile {quoted(profile)}: {known}")
    said = {key: value for key, value in content.items() if key not in OF_THE_FILE}
    written = {key.upper(): _written(file, text, key, value) for key, value in said.items()}
    for name, values in profiles.items():
        of_profile = {
            key.upper(): _written(file, text, key, value, f"profiles.{name}") for key, value in values.items()
        }
        written |= of_profile if name == profile else {}
    return written


def _text(file: Path) -> str:
    try:
        with file.open(encoding="utf-8-sig") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            text = opened.read(1 << 20)
    except OSError as error:
        raise ConfigurationError(
            f"{file}: cannot be read ({error.strerror}); name another with --config FILE"
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file}: is not UTF-8 text; save it as UTF-8") from None
    if os.name == "posix" and stat.S_ISREG(mode) and mode & (stat.S_IWGRP | stat.S_IWOTH):
        complain(f"pixivcrawl: {file}: others can change it; prevent that with: chmod go-w {file}")
    return text


def _parsed(file: Path, text: str) -> dict[str, Any]:
    # Every command reads it, and Python's own is enough for that; `setup` writes with tomlkit, which keeps comments.
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # What is wrong, and where: "Expected '=' after a key (at line 2, column 5)". It repeats no value.
        what, _, where = str(error).rpartition(" (at ")
        if numbers := re.findall(r"\d+", where):
            place = Place(file, *map(int, numbers))
        else:
            # "at end of document"
            lines = text.splitlines() or [""]
            place = Place(file, len(lines), len(lines[-1]) + 1)
        raise ConfigurationError(f"{place}: {what}") from None


def _check_version(file: Path, text: str, content: Mapping[str, Any]) -> None:
    version = content.get("version", VERSION)
    where = place_of(file, text, "version")
    if type(version) is not int or version < 1:
        raise ConfigurationError(f"{where}: version: {VERSION} is the only known version; write that, or leave it out")
    if version > VERSION:
        raise ConfigurationError(
            f"{where}: it is for a later pixivcrawl (version {version}, this one knows {VERSION}): update pixivcrawl"
        )


def _written(file: Path, text: str, key: str, value: Any, table: str = "") -> Written:
    where = place_of(file, text, key, table)
    match value:
        case bool():
            return Written.at(where, str(value))
        case str() | int() | float():
            return Written.at(where, str(value))
        case list() if all(isinstance(each, str) for each in value):
            return Written.at(where, ",".join(value))
        case dict():
            raise ConfigurationError(
                f"{where}: there is no table [{key}]: write settings without a table, above all [profiles.NAME]"
            )
        case _:
            raise ConfigurationError(f"{where}: {key}: give a text, a number, true or false, or a list of texts")


def place_of(file: Path, text: str, key: str, table: str = "") -> Place:
    """Where a key is written: in its table, otherwise wherever the name first appears."""
    here, first = "", None
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line):
            here = header[1].replace('"', "").replace(" ", "")
        found = re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", line)
        if found and here == table and re.match(rf"\s*\"?{re.escape(key)}\"?\s*[=.]", line):
            return Place(file, number, found.start() + 1)
        if found and first is None:
            first = Place(file, number, found.start() + 1)
    return first or Place(file, 1, 1)


def refuse_others(written: Mapping[str, Written], known: Iterable[str]) -> None:
    """Raises ConfigurationError for the first setting in the file that nothing reads."""
    names = [name.lower() for name in known]
    for name, value in written.items():
        if name.lower() not in names:
            given = name.lower()
            if given in ("pixiv_phpsessid", "pixiv_cookie"):
                raise ConfigurationError(
                    f"{value.place}: keep the session in a file of its own and name that with pixiv_cookie_file"
                )
            raise ConfigurationError(
                f"{value.place}: there is no setting {quoted(given)}; {did_you_mean(given, names)}pixivcrawl config lists them"
            )


def refuse_unread(environment: Iterable[str], known: Set[str]) -> None:
    """Raises ConfigurationError for the first variable of the environment that means one of the `known` settings and that nothing reads."""
    for variable in environment:
        name = variable.removeprefix(PREFIX)
        if name in SESSION:
            if name != variable and name not in known:
                raise ConfigurationError(f"{variable} in the environment is not read: name it {name}")
        elif name == variable:
            if name in known and name.startswith("PIXIV_"):
                raise ConfigurationError(f"{name} in the environment is not read: name it {PREFIX}{name}")
        elif name not in known | NO_SETTINGS and (meant := nearest(name, known, 0.7)):
            raise ConfigurationError(f"{variable} in the environment is not read: did you mean {PREFIX}{meant}?")


def nearest(name: str, known: Iterable[str], likeness: float) -> str | None:
    """The known name that the given one resembles most, if it does so by `likeness` (1: the same)."""
    # Only here: most names are spelled as they are known.
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, known, n=1, cutoff=likeness)), None)


def located(settings: BaseSettings, error: ConfigurationError) -> ConfigurationError:
    """An error about a setting, with the place where that setting is written in front."""
    name = re.match(r"\w*", str(error))
    value = settings.get(name[0]) if name else None
    return ConfigurationError(f"{value.place}: {error}") if isinstance(value, Written) else error


def path_named(settings: BaseSettings, name: str) -> Path | None:
    """The path that a setting gives; None if it is empty.

    A relative one counts from the folder of the file in which it is written, else from that of scrapy.cfg, else from here.
    """
    given = settings.get(name)
    if not given:
        return None
    folder = given.place.file.parent if isinstance(given, Written) else Path(closest_scrapy_cfg()).parent
    return expanded(str(given), name) if str(given).startswith("~") else (folder / given).absolute()
