"""What comes in from other tools' folders, and what goes out."""
