"""Notices about runs: to mail, a chat, a phone."""
