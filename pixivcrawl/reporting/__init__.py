"""What happened in an archive within a span of time, for a person and for programs."""
