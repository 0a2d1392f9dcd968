"""What lasts as long as a run: the ledger, the progress line, the record of the run."""
