"""The archive compared with its ledger: what is missing, changed or unknown, and how it is put back in line."""
