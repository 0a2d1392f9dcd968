"""What the crawls of one process share: the queue, signals, exit codes, plans, and the requests of commands."""
