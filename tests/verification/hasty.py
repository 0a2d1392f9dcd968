"""`scrapy`, with a verification that remembers after each of its steps, and takes small ones."""

from __future__ import annotations

from scrapy.cmdline import execute

from pixivcrawl.verification import checkpoint, verify

if __name__ == "__main__":
    checkpoint.SAVE_EVERY = 0
    verify.BATCH_FILES = 2
    execute()
