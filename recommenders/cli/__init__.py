"""The command line: `mixtape`. Each command calls one function of the area that owns what it does."""

import sys

from pydantic import ValidationError

from recommenders.cli import bench, data, dials, look, service, sites, station, taste
from recommenders.cli.common import app, complain, setting_problem
from recommenders.errors import MixtapeError

__all__ = ["app", "bench", "data", "dials", "look", "main", "service", "sites", "station", "taste"]


def main() -> None:
    """The entry point: an error of ours is one line on stderr and exit code 2."""
    try:
        app()
    except MixtapeError as error:
        sys.exit(complain(str(error)))
    except ValidationError as error:
        sys.exit(complain("; ".join(setting_problem(problem) for problem in error.errors())))
