"""A pixiv look-alike on loopback: a deterministic world behind the endpoints and the image host, for the demo and the
tests.

It stands alone: it imports nothing else of this project, and no crawler code knows of it.
"""

from pixivcrawl.sandbox.expected import Expected
from pixivcrawl.sandbox.log import Logged
from pixivcrawl.sandbox.server import Sandbox
from pixivcrawl.sandbox.works import Artist, Page, Session, Work
from pixivcrawl.sandbox.world import World

__all__ = ["Artist", "Expected", "Logged", "Page", "Sandbox", "Session", "Work", "World"]
