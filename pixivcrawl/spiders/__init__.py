"""What a person archives: a file per thing, each on one of the two bases."""
