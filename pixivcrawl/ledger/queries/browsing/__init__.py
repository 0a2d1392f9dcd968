"""What the pages of the gallery show: pages of fixed size by key, and no query that reads a whole table of works, tags or files.

Not imported by `queries` itself, so that a crawl does not load it.
"""
