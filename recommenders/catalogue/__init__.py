"""Artists, tracks and works: names and titles made comparable, the versions of one song found."""
