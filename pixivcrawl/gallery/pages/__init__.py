"""One function for each page: turns the ledger and the request into a template's values."""
