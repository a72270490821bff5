"""The benchmark of crawling runs whole on a small blog: what it stores is stored, and no site is asked too often."""

import json
from pathlib import Path

from recommenders.benchmarks import crawl
from recommenders.benchmarks.site import PAGE_BYTES, blog_site, post
from tests.benchmarks.conftest import NewStore


def test_crawling_is_measured_beside_scrapys_own_benchmark_and_stays_polite(
    new_store: NewStore, tmp_path: Path
) -> None:
    found = crawl.run(new_store, tmp_path, pages=30, seed=2, rounds=1)
    said = json.loads(found.as_json())
    assert said["settings"]["pages"] == 30
    assert said["figures"]["crawled and stored: pages/min"] > 0
    assert said["figures"]["polite: least seconds between two requests"] >= crawl.POLITE_DELAY_S
    assert 0 < said["ratios"]["most that a site saw / allowed"] <= 1
    assert "scrapy bench" in found.table()


def test_the_blog_of_the_benchmark_has_pages_of_realistic_size_and_keeps_the_time_of_each_request() -> None:
    sizes = [len(post(number, seed=1)) for number in range(20)]
    assert all(0.9 * PAGE_BYTES < size < 1.1 * PAGE_BYTES for size in sizes)
    with blog_site(3, seed=1) as site:
        assert site.requests() == []
