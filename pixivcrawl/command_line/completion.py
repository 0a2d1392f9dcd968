"""Shell completion for `pixivcrawl`."""

from __future__ import annotations

import shlex

from pixivcrawl.api.text import quoted
from pixivcrawl.command_line.help import parser_of
from pixivcrawl.command_line.lookup import OURS, SPIDERS, command_named, names, project_settings
from pixivcrawl.errors import ConfigurationError

BASH = """\
_pixivcrawl() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} command=${{COMP_WORDS[1]}} words
    if (( COMP_CWORD == 1 )); then
        words={commands}
    else
        case $command in
{cases}
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _pixivcrawl pixivcrawl
"""

ZSH = "autoload -U +X bashcompinit && bashcompinit\n"

FISH_COMMAND = "complete -c pixivcrawl -n __fish_use_subcommand -f -a {command} -d {text}\n"
FISH_OPTION = "complete -c pixivcrawl -n '__fish_seen_subcommand_from {command}' -l {option}\n"

SHELLS = ("bash", "zsh", "fish")


def script(words: list[str]) -> str:
    """The completion script for a shell. Raises ConfigurationError for an unknown shell."""
    if len(words) != 1 or words[0] not in SHELLS:
        given = f"{quoted(words[0])} is none of them: " if words else ""
        raise ConfigurationError(f"{given}name one shell of {', '.join(SHELLS)}, as in: pixivcrawl completion bash")
    of_each = options()
    if words[0] == "fish":
        return "".join(
            FISH_COMMAND.format(command=command, text=shlex.quote(text))
            + "".join(FISH_OPTION.format(command=command, option=option[2:]) for option in known)
            for command, (text, known) in of_each.items()
        )
    cases = "\n".join(
        f"            {command}) words={shlex.quote(' '.join(known))} ;;" for command, (_, known) in of_each.items()
    )
    bash = BASH.format(commands=shlex.quote(" ".join([*of_each, "completion"])), cases=cases)
    return ZSH + bash if words[0] == "zsh" else bash


def options() -> dict[str, tuple[str, list[str]]]:
    """What each command is for, and its long options."""
    found = {}
    for name in [*names(OURS), *names(SPIDERS)]:
        command = command_named(name)
        assert command is not None
        command.settings = project_settings()
        known = parser_of(name, command).known_options()
        found[name] = (command.short_desc(), sorted(each for each in known if each.startswith("--")))
    return found
