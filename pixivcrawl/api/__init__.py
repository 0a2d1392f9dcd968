"""Pixiv's web API as data: what can be requested, what comes back, what an answer means. No I/O."""
