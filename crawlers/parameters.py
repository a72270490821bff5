"""What a crawl may cost, and how polite it is."""

from pydantic import BaseModel, ConfigDict, Field


class CrawlParameters(BaseModel):
    """The params of `crawl_blogs`; a site's own budgets and delay count more."""

    model_config = ConfigDict(frozen=True)

    sites: list[str] = Field([], description="Sites to crawl now, by address or name. Empty: those that are due.")
    max_pages: int = Field(500, ge=1, description="Most requests to one site in one crawl.")
    max_bytes: int = Field(200_000_000, ge=1, description="Most bytes from one site in one crawl.")
    max_seconds: int = Field(1_200, ge=1, description="Most seconds for one site in one crawl.")
    delay_s: float = Field(
        1.0, ge=0, le=3600, description="Least seconds between two requests to a host; robots.txt may ask for more."
    )
    throttle: bool = Field(True, description="Whether a host that answers slowly is asked less often (AutoThrottle).")
    concurrency: int = Field(1, ge=1, le=64, description="Most requests to one site at a time.")
    tries: int = Field(3, ge=1, le=10, description="How often a page is asked for that can't be had for the moment.")
    max_depth: int = Field(200, ge=1, le=10_000, description="Most steps from a site's address to a page.")
    max_addresses: int = Field(100_000, ge=1, description="Most addresses of one site that are remembered.")
    every_hours: float = Field(20, ge=0, description="Hours after which a site that was crawled is due again.")
    batch_sites: int = Field(25, ge=1, le=500, description="Sites that one process crawls side by side.")
    workers: int = Field(1, ge=1, le=32, description="Processes that turn pages into text beside a crawling process.")
    response_seconds: float = Field(
        30, ge=1, le=600, description="Most seconds for one answer, from the first packet to the last byte."
    )
    response_bytes: int = Field(8_000_000, ge=10_000, description="Most bytes of one answer, also once it is unpacked.")
    page_seconds: float = Field(20, ge=1, le=600, description="Most seconds in which a page is turned into text.")
