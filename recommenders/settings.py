"""Every setting of Monday Mixtape, typed and documented; read from the environment (prefix MIXTAPE_)."""

from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """The settings; `mixtape settings` prints them with their source."""

    model_config = SettingsConfigDict(env_prefix="MIXTAPE_", frozen=True)

    home: Path = Field(
        PROJECT_ROOT / ".mixtape", description="Folder that holds all state; nothing is written elsewhere."
    )
    database_url: str | None = Field(
        None, description="Any PostgreSQL >= 15 with pgvector, as a URL. Unset: the embedded PostgreSQL under home."
    )
    airflow_database_url: str | None = Field(
        None,
        description="PostgreSQL database of Airflow itself, as a URL. Unset: one called NAME_airflow beside the first.",
    )
    artifacts_url: str | None = Field(
        None, description="Where models and editions keep their files. Unset: home/artifacts."
    )
    landing_url: str | None = Field(None, description="Where files to import are dropped. Unset: home/landing.")
    uploads_url: str | None = Field(None, description="Where new songs are uploaded as files. Unset: home/uploads.")
    exports_url: str | None = Field(None, description="Where playlists are exported to. Unset: home/exports.")
    timezone: str = Field("UTC", description="Time zone in which Monday begins, for instance Europe/Stockholm.")
    web_host: str = Field(
        "127.0.0.1", description="Address on which the web UI listens. 0.0.0.0: every address of this machine."
    )
    web_port: int = Field(8080, ge=1, le=65535, description="Port of the Airflow web UI started by `mixtape up`.")
    shards: int = Field(4, ge=1, le=256, description="Least number of shards of a Monday run.")
    retry_delay_s: float = Field(
        10, ge=0.1, description="Seconds before a task that failed or died is tried again, twice as many each time."
    )
    users_per_shard: int = Field(25_000, ge=1, description="Most users in one shard of a Monday run.")
    events_retention_months: int | None = Field(
        None,
        ge=1,
        description="Months for which events are kept. Unset: for ever. What was heard is remembered either way.",
    )
    editions_retention_weeks: int = Field(
        26, ge=13, description="Weeks for which the lists of unpublished editions are kept."
    )
    crawl_contact: str | None = Field(
        None,
        description="Address or page in the crawler's user agent, where the owners of sites reach whoever runs it.",
    )
    demo_data: str = Field(
        "demo", description="What `make demo` loads: demo (an invented service) or hetrec (Last.fm)."
    )
    demo_seed: int = Field(2026, description="Seed of the invented service that `make demo` loads.")
    demo_songs: int = Field(
        600,
        ge=0,
        description="How many of the invented service's 3,000 songs `make demo` renders as audio, besides its newest "
        "uploads. 0: no audio.",
    )
    demo_blogs: bool = Field(
        True, description="Whether `make demo` serves the invented service's blogs on this machine and reads them."
    )
    test_data: Path = Field(
        PROJECT_ROOT.parent / "shared" / "data", description="Folder with real data for tests and benchmarks."
    )

    @field_validator("timezone")
    @classmethod
    def _known_time_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("no such time zone") from error
        return value

    @field_validator("home", "test_data")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @cached_property
    def zone(self) -> ZoneInfo:
        """The configured time zone."""
        return ZoneInfo(self.timezone)

    @property
    def postgres_dir(self) -> Path:
        """Data directory and socket directory of the embedded PostgreSQL."""
        return self.home / "postgres"

    @property
    def airflow_home(self) -> Path:
        """What Airflow calls AIRFLOW_HOME."""
        return self.home / "airflow"

    @property
    def demo_blogs_file(self) -> Path:
        """Which of the invented service's blogs are served, and where; they are as long as it is there."""
        return self.home / "demo" / f"{self.demo_seed}-blogs.json"

    @property
    def artifacts(self) -> str:
        """URL of the artifacts folder."""
        return self.artifacts_url or (self.home / "artifacts").as_uri()

    @property
    def landing(self) -> str:
        """URL of the landing folder."""
        return self.landing_url or (self.home / "landing").as_uri()

    @property
    def uploads(self) -> str:
        """URL of the uploads folder."""
        return self.uploads_url or (self.home / "uploads").as_uri()

    @property
    def exports(self) -> str:
        """URL of the exports folder."""
        return self.exports_url or (self.home / "exports").as_uri()
