"""A process that reads one page after the other, within limits of memory; runs as `python -m crawlers.worker`."""

import resource
import sys
from multiprocessing.connection import Connection
from pathlib import Path

from crawlers.processes import end_with
from crawlers.reading import PageBody, PageRead, read_page

MEMORY = 1 << 30  # bytes, beyond what the libraries take
CRASHED = "crashed"


def main(channel: Connection, parent: int) -> None:
    """Answer each PageBody with a PageRead until the parent closes the channel."""
    end_with(parent)
    _prepare()
    channel.send(None)
    while True:
        try:
            page: PageBody = channel.recv()
        except EOFError:
            return
        channel.send(_read(page))


def _read(page: PageBody) -> PageRead:
    try:
        return read_page(page)
    except MemoryError:
        return PageRead(reason=CRASHED, detail="it takes too much memory to be read")
    except Exception as error:  # of any library, on hostile input: set aside with what it says, never the crawl's end
        return PageRead(reason=CRASHED, detail=f"{type(error).__name__}: {error}"[:500])


def _prepare() -> None:
    """Load everything that takes long, then bound the memory: RLIMIT_DATA counts what is really writable."""
    import feedparser  # noqa: F401
    import trafilatura  # noqa: F401

    from recommenders.language.languages import identify_language

    identify_language("the quick brown fox jumps over the lazy dog", None)
    in_use = next(
        int(line.split()[1]) << 10
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmData:")
    )
    for limit, value in ((resource.RLIMIT_DATA, in_use + MEMORY), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(limit)
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (most, most))


if __name__ == "__main__":
    main(Connection(int(sys.argv[1])), int(sys.argv[2]))
