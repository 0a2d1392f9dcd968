"""Side-by-side runs that say where time, processor time, memory and requests go; docs/performance.md holds the last tables.

`python -m benchmarks.archive`: whole archive runs beside curl, gallery-dl and stock Scrapy, as fast as they go.
`python -m benchmarks.pace`: with everyone's defaults, against a sandbox with pixiv's limits: when the pictures come, and when the details.
`python -m benchmarks.ledger`: the ledger at a million works. `python -m benchmarks.nothing_new`: runs that find nothing new, and start-up.
`python -m benchmarks.store`: two workers whose originals are in one object store, beside folders.
`python -m benchmarks.beside`: a crawl beside a gallery that is clicked through, in pairs with one alone.
`python -m benchmarks.gallery`: the gallery's index at a million works. `python -m benchmarks.screenshots`: its pages as pictures.
Each prints a table and, with `--json FILE`, writes it as JSON.
"""
