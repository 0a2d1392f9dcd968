"""A function for each page: from the ledger and what was asked to the values of a template."""
