"""What pixiv knows about a tag."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from pixivcrawl.api.catalogue import TAG_INFO, TAG_STORIES
from pixivcrawl.api.endpoint import Endpoint
from pixivcrawl.base_spiders.params import Arguments, Text
from pixivcrawl.base_spiders.snapshot import SnapshotSpider


class TagArguments(Arguments):
    tag: Text = Field(max_length=100, title="Tag", description="The tag, as pixiv writes it: one, without a leading #.")


class TagSpider(SnapshotSpider[TagArguments]):
    """Keeps pixiv's page about a tag (its article, parent and children) and the stories under it, as dated snapshots, and the tag's
    translations.

    Needs no session. It archives no works: see `search` for the works under a tag. Each run costs two requests.
    """

    name = "tag"
    sample = "tag=tag"

    def api_requests(self) -> Iterator[tuple[Endpoint[Any], dict[str, Any]]]:
        yield TAG_INFO, {"tag": self.args.tag}
        yield TAG_STORIES, {"tag": self.args.tag}
