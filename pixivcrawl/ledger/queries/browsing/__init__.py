"""What the pages of the gallery show: pages of fixed size by key, and nothing that looks at a whole table of works, tags or files.

Nothing of it is in `queries` itself, so that a crawl does not import it.
"""
