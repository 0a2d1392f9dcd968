"""Exports: the archive as folders with readable names, sidecars, comics and other forms that are read without pixivcrawl."""
