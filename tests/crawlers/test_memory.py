"""The memory limit of a crawl counts the crawl's memory, not that of whoever has started it."""

import subprocess
import sys

MEASURED = """
import resource
from crawlers.memory import OwnMemoryUsage
measured = OwnMemoryUsage.__new__(OwnMemoryUsage)
print(measured.get_virtual_size(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def test_the_memory_of_the_starting_process_does_not_count() -> None:
    large = bytearray(1_000_000_000)
    large[::4096] = b"1" * len(large[::4096])
    printed = subprocess.run([sys.executable, "-c", MEASURED], capture_output=True, text=True, check=True).stdout
    own, by_getrusage = map(int, printed.split())
    assert 10_000_000 < own < 700_000_000
    assert by_getrusage > 900_000_000, "what Scrapy itself would count"
