"""Scrapy's settings: `base` holds every value, `default`, `sandbox` and `server` are the profiles that scrapy.cfg names."""
