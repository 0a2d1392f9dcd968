"""What a person archives: one file for each, on one of the two base classes."""
