"""What an archive follows: the file that says so, and which of it is due. No Scrapy, and nothing is sent from here."""
