"""pixivcrawl: pixiv's API as data, the files, the ledger, the spiders, the commands."""

__version__ = "0.1.0"
