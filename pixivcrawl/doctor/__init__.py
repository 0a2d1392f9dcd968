"""Finds problems with an archive, its machine and its session, and says what to do about them; changes nothing."""
