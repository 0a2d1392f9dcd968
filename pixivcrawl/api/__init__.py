"""Pixiv's web API as data: what can be asked, what comes back, what an answer means. No I/O."""
