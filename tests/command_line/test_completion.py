"""What a shell completes, told by the shells that are there."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.commands.typing_in import type_pixivcrawl


@cache
def script(shell: str) -> str:
    written = type_pixivcrawl("completion", shell)
    assert (written.code, written.err) == (0, "")
    return written.out


def completed(*words: str) -> list[str]:
    """What bash offers for the last of the words."""
    line = f"COMP_WORDS=(pixivcrawl {' '.join(words) or chr(39) * 2}); COMP_CWORD={len(words)}; _pixivcrawl; echo ${{COMPREPLY[@]}}"
    bash = ["bash", "--norc", "-c", f"{script('bash')}\n{line}"]
    return subprocess.run(bash, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_commands_and_their_options() -> None:
    assert completed("sub") == ["subscribe", "subscriptions"]
    assert completed("book") == ["bookmarks"]
    assert completed("bookmarks", "--max-w") == ["--max-works"]
    assert completed("status", "--al") == ["--all"]
    assert completed("status", "--max-w") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_can_read_its_script(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "script").write_text(script(shell))
    subprocess.run([shell, "-n", tmp_path / "script"], check=True)


def test_fish_is_told_each_command_and_option() -> None:
    lines = script("fish").splitlines()
    assert any(line.startswith("complete -c pixivcrawl -n __fish_use_subcommand -f -a bookmarks -d ") for line in lines)
    assert "complete -c pixivcrawl -n '__fish_seen_subcommand_from bookmarks' -l max-works" in lines
