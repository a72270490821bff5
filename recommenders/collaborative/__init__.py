"""Model 1, collaborative filtering: tracks that are liked together lie together."""
