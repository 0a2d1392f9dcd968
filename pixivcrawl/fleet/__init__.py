"""Many workers on one catalogue: a queue on the ledger's server, and the crawls that are its jobs."""
