"""What comes back, an area a module. A body keeps the keys that its model does not name."""
