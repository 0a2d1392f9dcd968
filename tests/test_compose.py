"""compose.yaml: each service runs a command that there is, with settings that there are, as docs/fleet.md does it by hand."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from pixivcrawl.command_line.help import parser_of
from pixivcrawl.command_line.lookup import command_named
from pixivcrawl.command_line.run import refuse_unknown_options
from pixivcrawl.fleet.worker import ENDS_WITHIN
from tests.fleet.servers import own_server
from tests.live.running import environment, pixivcrawl
from tests.sandbox.serving import Sandbox, World
from tests.seaweed import KEY, SECRET, seaweedfs
from tests.test_project import FENCE, ROOT, project_settings, simple_commands

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
WORKERS = {name: service for name, service in OURS.items() if service["command"] == ["work"]}
PAGE = (ROOT / "docs/fleet.md").read_text(encoding="utf-8")
PROGRAM = "/opt/pixivcrawl/.venv/bin/pixivcrawl"


def seconds(duration: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([sm])", duration).groups()  # type: ignore[union-attr]
    return int(number) * {"s": 1, "m": 60}[unit]


def assert_taken(words: list[str]) -> None:
    """The command line's own parser takes them."""
    command = command_named(words[0])
    assert command is not None, words
    command.settings = project_settings()
    parser = parser_of(words[0], command)
    refuse_unknown_options(parser, parser.parse_known_args(words[1:])[1])


def test_the_services_are_the_parts_of_the_page() -> None:
    assert SERVICES.keys() - OURS.keys() == {"postgres", "store"}
    assert OURS.keys() - WORKERS.keys() == {"gallery"}
    assert len(WORKERS) == 2


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_ours_runs_a_command_that_there_is(name: str) -> None:
    service = OURS[name]
    assert service["build"] == {"context": ".", "dockerfile": "docs/schedule/Containerfile"}
    assert_taken(service["command"])
    kind, program, *words = service["healthcheck"]["test"]
    assert (kind, program) == ("CMD", PROGRAM)
    assert_taken(words)
    recipe = (ROOT / service["build"]["dockerfile"]).read_text()
    assert f"ENTRYPOINT {json.dumps([PROGRAM])}" in recipe


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_is_that_of_the_page(name: str) -> None:
    typed = [words for language, block in FENCE.findall(PAGE) if language == "sh" for words in commands(block)]
    assert ["pixivcrawl", *WORKERS[name]["command"]] in typed
    kept = {
        key.upper() for language, block in FENCE.findall(PAGE) if language == "toml" for key in tomllib.loads(block)
    }
    given = WORKERS[name]["environment"]
    # The session's file is in the container's own environment.
    assert {f"PIXIVCRAWL_{key}" for key in kept} - {"PIXIVCRAWL_PIXIV_COOKIE_FILE"} <= given.keys()
    assert "keys" in WORKERS[name]["secrets"]
    assert "ENV PIXIV_COOKIE_FILE=/run/secrets/session" in (ROOT / "docs/schedule/Containerfile").read_text()
    assert "session" in WORKERS[name]["secrets"]
    assert seconds(WORKERS[name]["stop_grace_period"]) > ENDS_WITHIN
    (own,) = (volume for volume in WORKERS[name]["volumes"] if volume.endswith(":/archive"))
    assert own == f"{name}:/archive", "no two workers share a folder"


def commands(block: str) -> list[list[str]]:
    return [words for line in block.replace("\\\n", " ").splitlines() for words in simple_commands(line)]


def test_the_store_is_that_of_the_page() -> None:
    """With the same options, a folder, a name and a secret of the container's own, and open to the other containers."""
    typed = [words for language, block in FENCE.findall(PAGE) if language == "sh" for words in commands(block)]
    (by_hand,) = (words for words in typed if words[0] == "weed" and "server" in words)
    own = {"-dir=": "/data", "-ip=": "store", "-s3.config=": "/run/secrets/store"}
    expected = [
        next((option + value for option, value in own.items() if word.startswith(option)), word)
        for word in by_hand[by_hand.index("server") :]
    ]
    service = SERVICES["store"]
    assert sorted(service["command"]) == sorted([*expected, "-ip.bind=0.0.0.0"])
    assert service["volumes"] == ["originals:/data"]
    (asked,) = (words for words in typed if words[-1].endswith("/healthz"))
    assert service["healthcheck"]["test"][-1] == asked[-1]
    for ours in OURS.values():
        assert ours["depends_on"]["store"] == {"condition": "service_healthy"}
        assert "?endpoint=http://store:8333" in ours["environment"]["PIXIVCRAWL_ORIGINALS_STORE"]
        assert ours["environment"]["AWS_SHARED_CREDENTIALS_FILE"] == "/run/secrets/keys"


@pytest.mark.parametrize("name", SERVICES)
def test_every_part_comes_back_is_watched_and_stays_on_this_machine(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "always"
    assert seconds(service["stop_grace_period"]) >= 15
    assert {"test", "interval", "timeout"} <= service["healthcheck"].keys()
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert set(service.get("secrets", [])) <= COMPOSE["secrets"].keys()
    named = {volume.partition(":")[0] for volume in service["volumes"]}
    assert {volume for volume in named if not volume.startswith(".")} <= COMPOSE["volumes"].keys()
    for folder in [volume.removeprefix("./") for volume in named if volume.startswith(".")]:
        assert f"/{folder}/" in (ROOT / ".gitignore").read_text().split()


def test_secrets_are_files_that_are_never_committed_and_the_page_makes_them() -> None:
    for secret in COMPOSE["secrets"].values():
        file = secret["file"].removeprefix("./")
        assert f"/{Path(file).parts[0]}/" in (ROOT / ".gitignore").read_text().split()
        assert file in PAGE
    assert "password" not in json.dumps(SERVICES).lower().replace("postgres_password_file", "")


def test_every_variable_is_a_setting_of_ours_or_one_that_the_page_of_settings_tells() -> None:
    told = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    settings = project_settings()
    for service in OURS.values():
        for name in service["environment"]:
            assert name.removeprefix("PIXIVCRAWL_") in settings if name.startswith("PIXIVCRAWL_") else name in told


@pytest.mark.long
def test_a_worker_works_with_the_environment_of_its_service(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its password and its keys come from files of secrets, to the ledger, the queue and the store."""
    secrets, shared = tmp_path / "secrets", tmp_path / "shared"
    (shared / "accounts").mkdir(parents=True)
    secrets.mkdir()
    with (
        Sandbox(World.of(works=2, size=(48, 36))) as sandbox,
        own_server() as server,
        seaweedfs(tmp_path_factory.mktemp("store")) as store,
    ):
        store.client().create_bucket(Bucket="originals")
        server.run(
            "psql postgres -c \"CREATE ROLE pixiv LOGIN PASSWORD 'one of your own'\" "
            "-c \"CREATE DATABASE pixiv OWNER pixiv ENCODING 'UTF8' TEMPLATE template0\""
        )
        (secrets / "pgpass").write_text("127.0.0.1:*:pixiv:pixiv:one of your own\n")
        (secrets / "session").write_text(f"PHPSESSID={sandbox.cookie}\n")
        (secrets / "keys").write_text(f"[default]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n")
        for secret in secrets.iterdir():
            secret.chmod(0o600)
        given = {
            name: value.replace("/run/secrets", str(secrets))
            .replace("/fleet", str(shared))
            .replace("@postgres/", f"@127.0.0.1:{server.port}/")
            .replace("http://store:8333", store.endpoint)
            for name, value in SERVICES["two"]["environment"].items()
        }
        del given["PIXIVCRAWL_METRICS_ADDRESS"]
        env = environment(sandbox, tmp_path / "archive", session=False, **given)
        env |= {"PIXIV_COOKIE_FILE": str(secrets / "session"), "HOME": str(tmp_path)}
        subscribed = pixivcrawl("subscribe", "https://www.pixiv.net/users/11", env=env)
        assert subscribed.returncode == 0, subscribed.stderr
        worked = pixivcrawl(*SERVICES["two"]["command"], "--once", env=env)
        assert worked.returncode == 0, worked.stderr
        healthy = subprocess.run(
            [sys.executable, "-m", "pixivcrawl", *SERVICES["two"]["healthcheck"]["test"][2:]],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "of the last day: 1 crawl ended" in healthy.stdout, healthy.stderr
