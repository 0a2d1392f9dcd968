"""docs/spiders.md: what can be archived, with every argument."""

from __future__ import annotations

from typing import Any, cast

from scrapy.settings import Settings
from scrapy.spiderloader import SpiderLoader

from pages.markdown import UNDESCRIBED, anchor, blocks, code, described, link, own_words, table
from pages.reading import endpoints_of, endpoints_of_each_work
from pixivcrawl.base_spiders.argument_info import arguments_of, default_of, values_taken
from pixivcrawl.base_spiders.base import PixivSpider
from pixivcrawl.base_spiders.params import ListingArguments

ENDPOINTS_PAGE = "endpoints.md"


def page() -> str:
    spiders = our_spiders()
    common = common_arguments(spiders)
    return blocks(
        "# Spiders",
        "`scrapy crawl NAME -a argument=value` archives what a spider finds; the same command continues where it stopped. An "
        "argument that a spider does not have, or a value that an argument does not allow, ends the command with one line and exit "
        "code 2 before anything is sent.",
        table(["spider", "archives"], ((link(name), first_sentence(spider)) for name, spider in spiders.items())),
        *(section(spider, common) for spider in spiders.values()),
        "## The arguments of every list",
        "Every spider above that archives works takes these.",
        argument_table(common),
        f"For each work that it archives, such a spider requests what the ledger does not know: "
        f"{endpoint_links(endpoints_of_each_work())}.",
    )


def our_spiders() -> dict[str, type[PixivSpider[Any]]]:
    """Each spider by its name, in the order of the alphabet."""
    loader = SpiderLoader(Settings({"SPIDER_MODULES": ["pixivcrawl.spiders"]}))
    return {name: cast("type[PixivSpider[Any]]", loader.load(name)) for name in sorted(loader.list())}


def common_arguments(spiders: dict[str, type[PixivSpider[Any]]]) -> dict[str, Any]:
    """The arguments that all spiders take whose arguments are a ListingArguments, and that mean the same on all of them."""
    of_lists = [arguments_of(one) for one in spiders.values() if issubclass(one.arguments(), ListingArguments)]
    first, *others = of_lists
    return {name: schema for name, schema in first.items() if all(other.get(name) == schema for other in others)}


def section(spider: type[PixivSpider[Any]], common: dict[str, Any]) -> str:
    of_one = arguments_of(spider)
    own = {name: schema for name, schema in of_one.items() if common.get(name) != schema}
    takes_common = bool(common) and common.keys() <= of_one.keys()
    asks = endpoints_of(spider)
    return blocks(
        f"## {spider.name}",
        *(own_words(spider) or [UNDESCRIBED]),
        argument_table(own),
        f"And [the arguments of every list](#{anchor('The arguments of every list')})." if takes_common else "",
        f"Reads {endpoint_links(asks)}." if asks else "",
    )


def first_sentence(spider: type[PixivSpider[Any]]) -> str:
    first, *_ = own_words(spider) or [UNDESCRIBED]
    return first.partition(". ")[0].removesuffix(".") + "."


def argument_table(arguments: dict[str, Any]) -> str:
    return table(
        ["argument", "takes", "default", "what it is"],
        (
            (code(name), values_taken(schema), default_of(schema), described(schema.get("description")))
            for name, schema in arguments.items()
        ),
    )


def endpoint_links(names: list[str]) -> str:
    return ", ".join(link(name, ENDPOINTS_PAGE) for name in names)
