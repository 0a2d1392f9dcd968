"""How an older ledger becomes today's. A new revision also moves `VERSION` in engine.py."""
