"""A spider as a command: its arguments are options, made from the model that checks them."""

from __future__ import annotations

import argparse
import inspect
import re
from collections import Counter
from typing import Any

from pydantic.fields import FieldInfo
from scrapy.exceptions import UsageError
from scrapy.settings import Settings
from scrapy.spiderloader import SpiderLoader

from pixivcrawl.api.text import quoted
from pixivcrawl.base_spiders.argument_info import arguments_of, default_of, values_taken
from pixivcrawl.base_spiders.base import PixivSpider
from pixivcrawl.base_spiders.params import ListingArguments
from pixivcrawl.commands.crawl import Command as CrawlCommand
from pixivcrawl.filters import Filters


def spider_named(name: str) -> type[PixivSpider[Any]]:
    loader = SpiderLoader(Settings({"SPIDER_MODULES": [f"pixivcrawl.spiders.{name}"]}))
    spider = loader.load(name)
    assert issubclass(spider, PixivSpider)
    return spider


class SpiderCommand(CrawlCommand):
    """`pixivcrawl NAME`: `scrapy crawl NAME` with an option for each argument."""

    def __init__(self, spider: type[PixivSpider[Any]]) -> None:
        super().__init__()
        self.spider = spider
        self.model = spider.arguments()
        # What words without an option stand for.
        self.main, _, value = spider.sample.partition("=")
        some = " --max-works 50" if "max_works" in self.model.model_fields else ""
        self.example = f"{spider.name} {value}".rstrip() + some

    def syntax(self) -> str:
        return f"[{self.main.upper()} ...]" if self.main else ""

    def short_desc(self) -> str:
        words = " ".join((inspect.getdoc(self.spider) or "").split())
        return self.in_options(re.split(r"[.:;] ", words, maxsplit=1)[0].rstrip("."))

    def long_desc(self) -> str:
        return self.in_options(inspect.getdoc(self.spider) or "")

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        described = arguments_of(self.spider)
        titles = ("what to archive", "which works of it", "how far, and what of each")
        what, which, how = map(parser.add_argument_group, titles)
        for name, field in self.model.model_fields.items():
            group = which if name in Filters.model_fields else how if name in ListingArguments.model_fields else what
            add_option(group, name, field, self.help_of(name, described[name]))

    def help_of(self, name: str, schema: dict[str, Any]) -> str:
        text = self.in_options(schema.get("description", "")).removeprefix("false ").rstrip(".")
        default = default_of(schema).strip("`")
        takes = values_taken(schema).replace("`", "")
        said = [] if takes in ("text", "true or false") else [takes]
        if default not in ("", "none", "false", "true"):
            said.append(f"default {default}" if default != "must be given" else default)
        return f"{text} ({'; '.join(said)})" if said else text

    def in_options(self, text: str) -> str:
        """A text about arguments, with the arguments as options: reread=true is --reread."""

        def option(found: re.Match[str]) -> str:
            name, value = found["name"], found["value"]
            spelled = name.replace("_", "-")
            if value == "true":
                return f"--{spelled}"
            return f"--no-{spelled}" if value == "false" else f"--{spelled} {value}"

        known = "|".join(self.model.model_fields)
        text = re.sub(rf"`?\b(?P<name>{known})=(?P<value>\w+)`?", option, text)
        return re.sub(rf"`({known})`", lambda found: "--" + found[1].replace("_", "-"), text).replace("`", "")

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        name = self.spider.name
        if args and not self.main:
            raise UsageError(f"{name} takes no {quoted(args[0])}: it takes only options")
        if args:
            joint = " " if self.model.model_fields[self.main].annotation is str else ","
            opts.spargs.append(f"{self.main}={joint.join(args)}")
            args.clear()
        given = Counter(each.partition("=")[0] for each in opts.spargs)
        if twice := [each for each, times in given.items() if times > 1]:
            raise UsageError(f"{twice[0]} is given more than once: give it once, with commas between the values")
        if self.main and self.main not in given and self.model.model_fields[self.main].is_required():
            raise UsageError(f"{name} needs to know which {self.main}, as in: pixivcrawl {self.example}")
        super().process_options(args, opts)

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        super().run([self.spider.name], opts)


def add_option(group: argparse._ArgumentGroup, name: str, field: FieldInfo, text: str) -> None:
    """Add an option that does what `-a name=value` does."""
    spelled, text = name.replace("_", "-"), text.replace("%", "%%")
    if field.annotation is bool:
        option, value = (f"--no-{spelled}", "false") if field.default else (f"--{spelled}", "true")
        group.add_argument(option, dest="spargs", action="append_const", const=f"{name}={value}", help=text)
    else:
        metavar = name.rpartition("_")[2].upper()
        group.add_argument(
            f"--{spelled}", dest="spargs", action="append", type=f"{name}={{}}".format, metavar=metavar, help=text
        )
