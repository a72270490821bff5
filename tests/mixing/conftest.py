"""The small service of the playlists' tests, for sources of the mix."""

from tests.playlists.conftest import Service, service

__all__ = ["Service", "service"]
