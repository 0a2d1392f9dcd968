"""Scrapy's settings: `base` holds every value, `default` and `sandbox` are the profiles that scrapy.cfg names."""
