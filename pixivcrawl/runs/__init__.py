"""What the crawls of one process share: the queue, signals, exit codes, and requests of commands."""
