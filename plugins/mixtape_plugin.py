"""The entry "Mixtape" in Airflow's navigation, and the pages behind it.

Airflow loads this file in every one of its processes, each task included, so it imports next to nothing: the web
application is built by the API server's first request to it.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

PREFIX = "/mixtape"


@cache
def _application() -> Callable[..., Awaitable[None]]:
    from plugins.pages.app import create_app

    return create_app()


async def pages(scope: MutableMapping[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
    """The pages as an ASGI application."""
    await _application()(scope, receive, send)


class MixtapePlugin(AirflowPlugin):
    """What Airflow finds of Monday Mixtape."""

    name = "mixtape"
    fastapi_apps: ClassVar[list[Any]] = [{"app": pages, "url_prefix": PREFIX, "name": "Monday Mixtape"}]
    external_views: ClassVar[list[Any]] = [
        {
            "name": "Mixtape",
            "href": f"{PREFIX}/",
            "destination": "nav",
            "url_route": "mixtape",
            "nav_top_level": True,
            "icon": f"{PREFIX}/icon.svg",
        }
    ]
