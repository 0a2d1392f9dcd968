"""Which endpoints a spider can ask, found by following the names in its source from the spider to the catalogue."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

from pixivcrawl.api.catalogue import ENDPOINTS
from pixivcrawl.api.endpoint import Endpoint
from pixivcrawl.base_spiders.base import PixivSpider
from pixivcrawl.base_spiders.listing import ListingSpider

SPIDERS = ("pixivcrawl.spiders", "pixivcrawl.base_spiders")


def endpoints_of(spider: type[PixivSpider[Any]]) -> list[str]:
    """The names of the endpoints that a spider asks for its list, in the catalogue's order."""
    own = [one for one in spider.__mro__ if is_ours(one) and one not in ListingSpider.__mro__]
    return in_order({name for one in own for name in reached(one, set())})


def endpoints_of_each_work() -> list[str]:
    """The names of the endpoints that every spider which archives works asks of a work, in the catalogue's order."""
    return in_order(reached(ListingSpider, set()))


def in_order(names: set[str]) -> list[str]:
    return [name for name in ENDPOINTS if name in names]


def is_ours(thing: Any) -> bool:
    return isinstance(thing, (type, FunctionType)) and thing.__module__.startswith(SPIDERS)


def reached(thing: Any, seen: set[Any]) -> set[str]:
    """The endpoints that the source of a class or function names, or that of a class or function which it names."""
    seen.add(thing)
    tree = ast.parse(textwrap.dedent(inspect.getsource(thing)))
    if isinstance(tree.body[0], ast.ClassDef):
        tree.body[0].bases = []
    found = set(endpoints_written(tree))
    for named in things_named(tree, sys.modules[thing.__module__]):
        if isinstance(named, Endpoint):
            found.add(named.name)
        elif is_ours(named) and named not in seen and not (isinstance(named, type) and issubclass(named, PixivSpider)):
            found |= reached(named, seen)
    return found


def things_named(tree: ast.AST, module: ModuleType) -> Iterator[Any]:
    """What the names and the dotted names of a source stand for, the contents of collections one by one."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name):
                yield from contents(getattr(module, name, None))
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                holder = getattr(module, name, None)
                if isinstance(holder, ModuleType):
                    yield from contents(getattr(holder, attribute, None))


def contents(thing: Any) -> Iterator[Any]:
    # The whole catalogue, looked into by name, says nothing of what is asked.
    if thing is ENDPOINTS:
        return
    if isinstance(thing, Mapping):
        thing = tuple(thing.values())
    if isinstance(thing, (tuple, list)):
        for each in thing:
            yield from contents(each)
    else:
        yield thing


def endpoints_written(tree: ast.AST) -> Iterator[str]:
    """Endpoints whose names are written out, or put together as in f"requests.{state}_{type}"."""
    for node in ast.walk(tree):
        match node:
            case ast.JoinedStr(values=parts):
                pattern = "".join(
                    re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"\w+" for part in parts
                )
            case ast.Constant(value=str() as text):
                pattern = re.escape(text)
            case _:
                continue
        if "." in pattern:
            yield from (name for name in ENDPOINTS if "." in name and re.fullmatch(pattern, name))
