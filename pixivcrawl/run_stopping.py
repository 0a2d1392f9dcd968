"""What is raised for what a run that ends has not done. Apart from the errors, which are used where Scrapy is not imported."""

from __future__ import annotations

from scrapy.exceptions import IgnoreRequest


class RunStopping(IgnoreRequest):
    """The run is ending: what still waited was not sent, and nothing about its work is to be recorded."""
