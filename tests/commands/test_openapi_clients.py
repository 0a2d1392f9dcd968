"""The OpenAPI document in the hands of tools that people use: clients made from it, linters that read it."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import pkgutil
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pixivcrawl.api.catalogue import ENDPOINTS
from pixivcrawl.api.openapi import openapi_document
from tests.commands.typing_in import BROWSER
from tests.sandbox.serving import Sandbox, World

pytestmark = pytest.mark.long

WORD = "猫"


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("openapi") / "pixiv.json"
    file.write_text(json.dumps(openapi_document()), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def client(document: Path) -> Iterator[ModuleType]:
    """The Python client that openapi-python-client makes, without a warning."""
    made = document.parent / "client"
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning"]
    run = subprocess.run(
        [*command, "--path", str(document), "--output-path", str(made)],
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    [package] = [folder.name for folder in made.iterdir() if (folder / "client.py").is_file()]
    sys.path.insert(0, str(made))
    yield importlib.import_module(package)
    sys.path.remove(str(made))


def operations(client: ModuleType) -> Iterator[ModuleType]:
    for module in pkgutil.walk_packages(client.__path__, f"{client.__name__}."):
        if module.name.startswith(f"{client.__name__}.api.") and not module.ispkg:
            yield importlib.import_module(module.name)


def test_a_python_client_asks_every_endpoint_and_reads_each_answer(client: ModuleType) -> None:
    modules = [
        module for module in operations(client) if "body" not in inspect.signature(module.sync_detailed).parameters
    ]
    paths = {endpoint.path for endpoint in ENDPOINTS.values() if endpoint.method == "GET"}
    assert len(modules) == len(paths)
    with Sandbox(World.standard(), tls=False) as sandbox:
        asking = client.Client(
            base_url=sandbox.base_url,
            cookies={"PHPSESSID": sandbox.cookie},
            headers=BROWSER,
            raise_on_unexpected_status=True,
        )
        for module in modules:
            answer = module.sync_detailed(client=asking, **arguments(module, sandbox.world))
            assert answer.status_code == 200, module.__name__
            assert is_part(answer.parsed.to_dict(), json.loads(answer.content)), module.__name__


def arguments(module: ModuleType, world: World) -> dict[str, Any]:
    """Values that mean something in this world, for what must be given."""
    work, ugoira = 5_000_111, next(work.id for work in world.works() if work.is_ugoira)
    area, name = module.__name__.split(".")[-2:]
    known: dict[str, Any] = {
        "id": {"series": 501, "illust": ugoira if "ugoira" in name else work}.get(area, 11),
        "illust_id": work,
        "ids": [work],
        "illust_ids": [work],
        "format_": "json",
        "unlisted": "unlisted",
        "comment_id": 17,
    } | dict.fromkeys(("tag", "keyword", "word", "word_path", "word_query"), WORD)
    parameters = inspect.signature(module.sync_detailed).parameters
    if name == "illust_unlisted":
        known["secret"] = world.unlist(world.works()[-1].id)
    if name == "collection":
        [known["id"]] = world.collections
    return {key: known[key] for key, one in parameters.items() if key != "client" and one.default is one.empty}


def is_part(read: Any, sent: Any) -> bool:
    """Whether a client's value is what was sent; the client leaves out keys that were not sent, and writes numbers as it holds them."""
    if isinstance(read, dict) and isinstance(sent, dict):
        return read.keys() == sent.keys() and all(is_part(value, sent[key]) for key, value in read.items())
    if isinstance(read, list) and isinstance(sent, list):
        return len(read) == len(sent) and all(map(is_part, read, sent))
    return bool(read == sent)


@pytest.mark.parametrize(
    ("tool", "words"),
    [("openapi-typescript", ["-o", "pixiv.ts"]), ("redocly", ["--format", "json"])],
)
def test_a_tool_of_the_web_takes_it_without_a_warning(document: Path, tool: str, words: list[str]) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    command = [tool, "lint"] if tool == "redocly" else [tool]
    run = subprocess.run(
        [*command, document.name, *words], cwd=document.parent, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    if tool == "redocly":
        assert json.loads(run.stdout)["totals"] == {"errors": 0, "warnings": 0, "ignored": 0}
    else:
        assert "warn" not in (run.stdout + run.stderr).lower()
        assert "UserFull" in (document.parent / "pixiv.ts").read_text(encoding="utf-8")
