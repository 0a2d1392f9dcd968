"""The files of an archive: layout, staging, proof, and placing."""
