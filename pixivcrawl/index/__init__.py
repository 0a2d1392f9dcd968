"""The gallery's index: search, orders and counts, in a SQLite file that is made from the ledger and may be deleted at any time."""
