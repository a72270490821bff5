"""What a crawling process is told to do, as JSON on its standard input."""

import datetime as dt
import time

from pydantic import BaseModel, ConfigDict, PrivateAttr

from crawlers.parameters import CrawlParameters


class CrawlJob(BaseModel):
    """Some sites to crawl, from `began_at` on; time goes on from there."""

    model_config = ConfigDict(frozen=True)

    site_ids: list[int]
    parameters: CrawlParameters
    run_key: str | None
    began_at: dt.datetime
    _start: float = PrivateAttr(default_factory=time.monotonic)

    def now(self) -> dt.datetime:
        """The moment that it is for this crawl."""
        return self.began_at + dt.timedelta(seconds=time.monotonic() - self._start)
