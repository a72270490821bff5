"""The memory limit of a crawl, by what the crawl itself uses."""

import re
from pathlib import Path

from scrapy.extensions.memusage import MemoryUsage

_STATUS = Path("/proc/self/status")


class OwnMemoryUsage(MemoryUsage):
    """Scrapy's limit asks `getrusage`, where a process begins with the peak of the one that started it (Linux keeps it
    over exec): a large parent would end every crawl at once."""

    def get_virtual_size(self) -> int:
        """The peak of this process in bytes; as Scrapy measures it where the system does not tell."""
        found = re.search(r"^VmHWM:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE) if _STATUS.exists() else None
        return int(found[1]) * 1024 if found else super().get_virtual_size()
