"""Limits on requests to pixiv: a pace for each host, a daily budget, one crawl per account, and what a run waits for."""
