"""What spiders share: their base classes, arguments, pagination and filters."""
