"""Imports from other tools' folders, and exports."""
