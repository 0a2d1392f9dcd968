"""What pixiv is and what an archive is: the API as data, the files, the ledger, the spiders."""

__version__ = "0.1.0"
