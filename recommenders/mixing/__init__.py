"""The candidates of every source, one ranking per user."""
