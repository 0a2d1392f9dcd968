"""Exports: the archive as folders with human names, sidecars, comics and other forms that need no pixivcrawl to be read."""
