"""What every route that changes something asks for: the right to do so, a form of this site, few enough bytes."""

from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import Depends, HTTPException, Request

MOST_BYTES = 20_000

# Whoever may start a Monday may decide what goes into it.
may_write = requires_access_dag(method="POST", access_entity=DagAccessEntity.RUN, param_dag_id="monday_playlists")


def same_origin(request: Request) -> None:
    """Refuse (403) what a page of another site sends with the cookie of whoever is logged in here.

    Browsers say where a request comes from; one that says nothing at all is no browser with a cookie of ours.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site == "same-origin" or (site is None and origin and urlsplit(origin).netloc == request.headers.get("host")):
        return
    raise HTTPException(403, "This can be changed from the pages of Monday Mixtape only.")


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, the first value of each, without those left empty."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise HTTPException(413, "This form is too large.")
    try:
        fields = parse_qs(body.decode("utf-8", "replace").replace("%00", ""), max_num_fields=100)
    except ValueError as error:
        raise HTTPException(413, "This form is too large.") from error
    return {name: values[0].strip() for name, values in fields.items() if values[0].strip()}


Form = Annotated[dict[str, str], Depends(form_of)]
GUARDS = [Depends(same_origin), Depends(may_write)]
