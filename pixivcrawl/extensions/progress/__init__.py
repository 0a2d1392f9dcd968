"""How a run is getting on, for whoever watches it."""
