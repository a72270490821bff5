"""Evaluation: what a model would have recommended, judged by what users then heard."""
