"""The command `pixivcrawl`: from any folder, what `scrapy` does in the project, with each spider as a command."""
