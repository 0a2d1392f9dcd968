"""Adds the session to requests on their way out, and classifies their answers on the way back."""
