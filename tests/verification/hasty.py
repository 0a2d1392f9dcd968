"""`scrapy`, with a verification that remembers after each of its steps, and takes small ones."""

from __future__ import annotations

from scrapy.cmdline import execute

from pixivcrawl.verification import memory, reading

if __name__ == "__main__":
    memory.SAVE_EVERY = 0
    reading.BATCH_FILES = 2
    execute()
