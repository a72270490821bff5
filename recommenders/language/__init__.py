"""Model 2: what is written about music, as terms and vectors."""
