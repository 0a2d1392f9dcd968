"""Ugoira as one file that plays anywhere: mp4, webm, WebP or APNG, made in worker processes."""
