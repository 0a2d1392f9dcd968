"""How much is asked of pixiv: one limit a host, one budget a day, one account, and what a run waits for meanwhile."""
