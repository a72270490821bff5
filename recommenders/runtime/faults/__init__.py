"""Faults: a throwaway service is struck in every way that can be thought of, and must publish the same mixtapes."""
