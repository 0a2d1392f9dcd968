"""The files of an archive: where they lie, how they arrive, what proves them whole and how they get into place."""
