"""Models of pixiv's bodies, one area a module. A body keeps the keys that its model does not name."""
