"""What an archive follows: the subscriptions file, and which entries are due. No Scrapy, and nothing is sent from here."""
