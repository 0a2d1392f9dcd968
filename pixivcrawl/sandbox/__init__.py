"""A pixiv look-alike on loopback: a deterministic world behind the endpoints and the image host, for the demo and for trying things out.

It stands alone: it imports nothing else of this project, and no crawler code knows of it. The tests extend it in `tests/sandbox`, with
faults on order and with what a right archive holds.
"""

from pixivcrawl.sandbox.server import Sandbox
from pixivcrawl.sandbox.world import World

__all__ = ["Sandbox", "World"]
