"""Listening: from what people played, saved and skipped to a user x track matrix of their taste."""
