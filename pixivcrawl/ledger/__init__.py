"""The database that says what the archive holds: one writer, many readers, and the journal it can be rebuilt from."""
