"""The project as a whole: its packages, its pins, its layers, and pages whose commands exist."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from importlib import import_module, metadata
from itertools import chain, pairwise
from pathlib import Path
from pkgutil import iter_modules

import pytest
import scrapy.commands
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from scrapy.settings import Settings
from scrapy.spiderloader import SpiderLoader

from pixivcrawl import __version__
from pixivcrawl.command_line.help import parser_of
from pixivcrawl.command_line.lookup import command_named
from pixivcrawl.command_line.run import refuse_unknown_options

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("pixivcrawl", "pipelines", "settings")


# The packages


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_is_the_one_of_this_project(package: str) -> None:
    assert Path(import_module(package).__file__ or "").parent == ROOT / package


def test_no_installed_distribution_shadows_a_package() -> None:
    """The `scrapy` script looks into the environment before it looks into the project."""
    providers = metadata.packages_distributions()
    assert not {name for package in PACKAGES for name in providers.get(package, [])} - {"pixivcrawl"}


def test_the_layers_hold() -> None:
    lint = Path(sysconfig.get_path("scripts")) / "lint-imports"
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_every_package_is_in_the_list_that_the_wheel_is_made_from() -> None:
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {path.parent.as_posix() for path in project_files() if path.parts[0] in PACKAGES and path.suffix == ".py"}
    assert {setup["package-dir"].get(name, name.replace(".", "/")) for name in setup["packages"]} == folders


@pytest.mark.long
def test_the_wheel_holds_every_file_and_brings_no_other_name(tmp_path: Path) -> None:
    of_packages = [path for path in project_files() if path.parts[0] in PACKAGES]
    for path in project_files():
        copy = tmp_path / "tree" / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, copy)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [*pip, "--wheel-dir", tmp_path, tmp_path / "tree"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    expected = {Path("pixivcrawl", *path.parts[path.parts[0] == "pixivcrawl" :]).as_posix() for path in of_packages}
    brought = set(zipfile.ZipFile(wheel).namelist())
    assert expected <= brought
    assert {name.partition("/")[0] for name in brought} == {"pixivcrawl", f"pixivcrawl-{__version__}.dist-info"}


# The files


@cache
def project_files() -> tuple[Path, ...]:
    """The files that belong to the project, relative to its folder: git's own list, or without git what it does not ignore."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        git = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        return tuple(Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file())
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().split()] + [".git"]
    paths = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return tuple(path for path in paths if not any(fnmatch(part, name) for part in path.parts for name in ignored))


REGISTRY = re.compile(
    "|".join(
        re.escape(".".join(labels))
        for labels in [
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "org"),
            ("crates", "io"),
            ("anaconda", "org"),
        ]
    )
)
INSTALL_OPTION = re.compile(r"--(?:extra-)?(?:index)-url|--(?:find)-links|--(?:trusted)-host")
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:root|home/\w+|Users/\w+)/")


def test_the_files_are_found() -> None:
    assert {Path("pyproject.toml"), Path(".gitignore"), Path("pixivcrawl/items.py")} <= set(project_files())
    assert not [path for path in project_files() if "__pycache__" in path.parts or path.parts[0].startswith(".venv")]


@pytest.mark.parametrize("pattern", [REGISTRY, INSTALL_OPTION, MACHINE_PATH], ids=["registry", "option", "machine"])
def test_no_file_names_a_registry_or_a_path_of_one_machine(pattern: re.Pattern[str]) -> None:
    naming = [
        f"{path}:{number}: {line[:100]}"
        for path in project_files()
        for number, line in enumerate((ROOT / path).read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert not naming


# The pins


@cache
def pins() -> dict[str, list[tuple[Requirement, list[str]]]]:
    """Every pin with its hashes, by canonical name; a package has several where the Python decides."""
    found: dict[str, list[tuple[Requirement, list[str]]]] = {}
    text = (ROOT / "constraints-dev.txt").read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if line.startswith("#") or not line:
            continue
        requirement, *hashes = line.split(" --hash=")
        pin = Requirement(requirement)
        found.setdefault(canonicalize_name(pin.name), []).append((pin, [each.strip() for each in hashes]))
    return found


def test_what_is_for_use_and_for_servers_is_pinned_as_for_the_tests_and_brings_none_of_their_tools() -> None:
    use, server, everything = (
        (ROOT / name).read_text() for name in ("constraints.txt", "constraints-server.txt", "constraints-dev.txt")
    )
    # A package that some systems alone need for use may be needed by the tests on all.
    pins = r"^(?:    --hash=\S+|[\w.-]+==\S+)"
    both, all_of_them = (set(re.findall(pins, text, re.MULTILINE)) for text in (use + server, everything))
    assert both <= all_of_them
    names, beside = (set(re.findall(r"^([\w.-]+)==", text, re.MULTILINE)) for text in (use, server))
    assert not names & beside
    wanted = asked_for()
    assert {canonicalize_name(each.name) for each in wanted["use"]} <= names
    assert {canonicalize_name(each.name) for each in wanted["notices"] + wanted["postgres"]} <= beside
    assert not {"pytest", "mypy", "ruff", "scrapyd"} & (names | beside)


def test_what_is_for_use_takes_less_than_200_mb() -> None:
    """By the size of every file that the packages' own lists name, as they are installed here."""
    names = set(re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    sizes = {
        canonicalize_name(each.name): sum(file.size or 0 for file in each.files or ())
        for each in metadata.distributions()
    }
    taken = sum(sizes.get(name, 0) for name in names)
    assert 100e6 < taken < 200e6


def asked_for() -> dict[str, list[Requirement]]:
    """What pyproject.toml asks for: for use (the project and its build), in each of its extras, and in each of its groups."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = pyproject["project"]
    lines = {
        "use": pyproject["build-system"]["requires"] + project["dependencies"],
        **project["optional-dependencies"],
        **pyproject["dependency-groups"],
    }
    return {name: [Requirement(line) for line in each if isinstance(line, str)] for name, each in lines.items()}


def test_every_pin_is_exact_and_hashed() -> None:
    assert len(pins()) > 50
    for pin, hashes in chain.from_iterable(pins().values()):
        assert [(clause.operator) for clause in pin.specifier] == ["=="], pin
        assert hashes, pin
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes), pin


def test_every_package_that_is_asked_for_is_pinned_within_its_range() -> None:
    for requirement in chain.from_iterable(asked_for().values()):
        pinned = pins().get(canonicalize_name(requirement.name))
        assert pinned, f"{requirement.name} is not pinned; make constraints-dev.txt again as its first lines say"
        for pin, _ in pinned:
            (clause,) = pin.specifier
            assert requirement.specifier.contains(clause.version), f"{pin} lies outside {requirement}"


def imported(folders: tuple[str, ...]) -> dict[str, str]:
    """The distributions that the Python files below `folders` import, each with a file that does."""
    providers = metadata.packages_distributions()
    found: dict[str, str] = {}
    for path in project_files():
        if path.suffix != ".py" or path.parts[0] not in folders:
            continue
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            match node:
                case ast.Import(names=names):
                    modules = [each.name for each in names]
                case ast.ImportFrom(module=str(module), level=0):
                    modules = [module]
                case _:
                    continue
            for module in modules:
                for provider in providers.get(module.partition(".")[0], []):
                    found[canonicalize_name(provider)] = str(path)
    return found


def with_what_they_bring(names: set[str]) -> set[str]:
    """`names` and the distributions that these need themselves: Scrapy's own Twisted may be imported, for one."""
    installed = {canonicalize_name(each.name) for each in metadata.distributions()}
    needs = [Requirement(line) for name in names & installed for line in metadata.requires(name) or []]
    return names | {canonicalize_name(need.name) for need in needs if "extra" not in str(need.marker)}


def test_every_distribution_that_is_imported_is_asked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = chain(project["dependencies"], *project["optional-dependencies"].values())
    running: set[str] = {canonicalize_name(Requirement(line).name) for line in needed}
    everything: set[str] = {
        canonicalize_name(requirement.name) for requirement in chain.from_iterable(asked_for().values())
    }
    ours = {"pixivcrawl"}
    for folders, declared in ((PACKAGES, running), (("tests", "benchmarks"), everything)):
        allowed = with_what_they_bring(declared) | ours
        unasked = {name: path for name, path in imported(folders).items() if name not in allowed}
        assert not unasked, "name it in pyproject.toml and make the constraints again"


# The pages

FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LANGUAGES = {"sh", "text", "json", "toml", "ini", "sql", "python", "cron", "html", "xml", "dockerfile"}
OUTSIDE = {
    "mv",
    "cat",
    "cd",
    "cp",
    "crontab",
    "curl",
    "echo",
    "export",
    "git",
    "ls",
    "mkdir",
    "pg_basebackup",
    "pg_ctl",
    "pg_receivewal",
    "printf",
    "psql",
    "scrapyd",
    "sha256sum",
    "source",
    "touch",
    "weed",
} | {*("sqlite3", "systemctl", "umask", "env", "journalctl", "docker", "jq")}


def blocks() -> list[tuple[str, str, str]]:
    """Every fenced block of README.md and docs/: page, language, text."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [(page.name, language, text) for page in pages for language, text in FENCE.findall(page.read_text())]


def commands() -> list[tuple[str, tuple[str, ...]]]:
    """Every simple command of the pages' sh blocks: the page, and the command's words without assignments and redirections."""
    return [
        (page, tuple(words))
        for page, language, text in blocks()
        if language == "sh"
        for line in text.replace("\\\n", " ").splitlines()
        for words in simple_commands(line)
    ]


def simple_commands(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    redirected = False
    for token in [*lexer, ";"]:
        if token in {"&&", "||", "|", ";", "&"}:
            if words:
                yield words
            words = []
        elif token in {">", ">>", "<"}:
            redirected = True
        elif redirected:
            redirected = False
        elif words or not re.match(r"\w+=", token):
            words.append(token)


def scrapy_commands() -> set[str]:
    ours = import_module(str(project_settings()["COMMANDS_MODULE"]))
    return {module.name for module in chain(iter_modules(scrapy.commands.__path__), iter_modules(ours.__path__))}


def project_settings() -> Settings:
    settings = Settings()
    settings.setmodule("settings.default")
    return settings


def test_simple_commands_are_told_apart() -> None:
    line = "A=1 scrapy crawl user -a 'id=1 2' | cat > 'a b' && cd x; ls  # so"
    assert list(simple_commands(line)) == [["scrapy", "crawl", "user", "-a", "id=1 2"], ["cat"], ["cd", "x"], ["ls"]]


def test_every_block_says_its_language() -> None:
    """So that no command hides in a block that the next tests do not read."""
    unknown = [(page, language) for page, language, _ in blocks() if language not in LANGUAGES]
    assert not unknown
    assert commands()


def test_every_program_on_the_pages_is_known() -> None:
    known = OUTSIDE | {"pixivcrawl", "scrapy", "pip", "python", "python3", "pytest"}
    assert not [(page, words) for page, words in commands() if Path(words[0]).name not in known]


def test_every_scrapy_command_on_the_pages_exists() -> None:
    asked = [(page, words) for page, words in commands() if Path(words[0]).name == "scrapy"]
    assert asked
    assert not [(page, words) for page, words in asked if words[1] not in scrapy_commands()]


def test_every_pixivcrawl_command_on_the_pages_is_taken() -> None:
    asked = [(page, words[1:]) for page, words in commands() if Path(words[0]).name == "pixivcrawl"]
    assert len(asked) > 20
    for page, words in asked:
        command = command_named(words[0])
        if command is not None:
            command.settings = project_settings()
            parser = parser_of(words[0], command)
            refuse_unknown_options(parser, parser.parse_known_args(words[1:])[1])
        else:
            assert words[0].startswith("https://www.pixiv.net/"), page


def test_every_crawl_on_the_pages_names_a_spider_and_its_arguments() -> None:
    spiders = SpiderLoader.from_settings(project_settings())
    crawls = [(page, words) for page, words in commands() if Path(words[0]).name == "scrapy" and words[1] == "crawl"]
    assert crawls
    for page, words in crawls:
        assert words[2] in spiders.list(), (page, words)
        taken = spiders.load(words[2]).get_param_schema()["properties"]  # type: ignore[attr-defined]
        given = [value.partition("=")[0] for option, value in pairwise(words) if option == "-a"]
        assert set(given) <= set(taken), (page, words)


def test_every_module_and_file_that_the_pages_run_exists() -> None:
    for page, words in commands():
        for option, value in pairwise(words):
            if Path(words[0]).name.startswith("python") and option == "-m":
                assert importlib.util.find_spec(value), (page, words)
            if Path(words[0]).name == "pip" and option in {"-r", "-c"}:
                assert (ROOT / value).is_file(), (page, words)


def test_the_pages_install_nothing_unchecked() -> None:
    installs = [(page, words) for page, words in commands() if Path(words[0]).name == "pip"]
    assert installs
    of_the_checkout = {"--no-deps", "--no-build-isolation", "."}
    assert not [
        (page, words) for page, words in installs if not ("--require-hashes" in words or of_the_checkout <= {*words})
    ]
