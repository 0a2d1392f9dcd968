"""The JSON that the look-alike answers, an area a module; key names, types and oddities are those of pixiv's own
bodies."""
