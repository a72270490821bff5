"""Data in, playlists out: files and their formats."""
