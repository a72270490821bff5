"""What a recording sounds like: its analysis, its fingerprint, and a vector for a song nobody has played."""
