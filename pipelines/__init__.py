"""What happens to an original, in order: fetched to staging, proven, put in place, recorded."""
