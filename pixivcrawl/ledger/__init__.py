"""The database of what the archive holds: one writer, many readers, and the journal from which it can be rebuilt."""
