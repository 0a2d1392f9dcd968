"""What happened in an archive during a period, for people and programs."""
