"""What joins a request on its way out (the session), and what its answer means on the way back."""
