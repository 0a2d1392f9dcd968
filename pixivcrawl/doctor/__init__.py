"""What is amiss with an archive, its machine and its session, and what to do about it; looks alone, and changes nothing."""
