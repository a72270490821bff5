"""`mixtape bench language`: articles a second against real names, memory, and growth up to a million names."""

import re
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recommenders.benchmarks.measuring import MIB, Measured, measured, median, resident_bytes
from recommenders.errors import ConfigurationError
from recommenders.evaluation.bench import BenchResult
from recommenders.language.gazetteer import Gazetteer
from recommenders.language.mentions import find_mentions
from recommenders.language.plainness import plainness
from recommenders.language.sentiment import mood
from recommenders.language.tokens import words
from recommenders.store.mentions import ArtistNames, TrackTitles

NAMES, POSTS = "names/unique_artists.txt", "text/usefulalgorithm/posts"
ARTICLE_CHARACTERS = 2_500
STEPS = 2  # sizes between the real names and the most
SHARE = 10  # growth is measured on one in so many articles
BARE = "bare pyahocorasick"
_MARKDOWN = re.compile(r"^[#*\-\s]+|!\[\].*$")


@dataclass(frozen=True)
class _Reading:
    """What reading cost: seconds for the names and for the articles; how many mentions; memory of the names, in MiB."""

    loading_s: float
    reading_s: float
    mentions: int
    names_mib: float = 0.0


def run(
    folder: Path,
    test_data: Path,
    articles: int,
    most_names: int,
    seed: int,
    rounds: int,
    progress: Callable[[str], None] = lambda step: None,
) -> BenchResult:
    """Read `articles` made of a real listener's lines against real names, then fewer against up to `most_names`.

    Raises ConfigurationError where the data is missing.
    """
    rng = np.random.default_rng(seed)
    real = _real_names(test_data)
    progress("writing articles and names")
    all_articles = _written_articles(folder / "articles.txt", test_data, articles, rng)
    some_articles = _written_articles(folder / "some.txt", test_data, max(articles // SHARE, 1), rng)
    sizes = _sizes(len(real), most_names)
    names = {size: folder / f"names-{size}.txt" for size in sizes}
    many = _many_names(real, sizes[-1], rng)
    for size, path in names.items():
        path.write_text("\n".join(many[:size]), encoding="utf-8")
    gazetteers = {size: folder / f"gazetteer-{size}.npz" for size in sizes}

    built: dict[int, list[Measured]] = {size: [] for size in sizes}
    read: dict[int, list[Measured]] = {size: [] for size in sizes}
    whole, bare = list[Measured](), list[Measured]()
    for number in range(rounds):
        for size in sizes:
            progress(f"round {number + 1} of {rounds}: {size:,} names")
            built[size].append(measured(_build, names[size], gazetteers[size]))
            read[size].append(measured(_read, gazetteers[size], some_articles))
        progress(f"round {number + 1} of {rounds}: {articles:,} articles")
        whole.append(measured(_read, gazetteers[sizes[0]], all_articles))
        bare.append(measured(_read_bare, names[sizes[0]], some_articles))
    weights = {size: measured(_weigh, path).result for size, path in gazetteers.items()}
    settings = {"articles": articles, "names": sizes, "seed": seed, "rounds": rounds}
    files = {size: path.stat().st_size / MIB for size, path in gazetteers.items()}
    return _result(settings, sizes, built, read, whole, bare, files, weights)


def _result(
    settings: dict[str, object],
    sizes: Sequence[int],
    built: dict[int, list[Measured]],
    read: dict[int, list[Measured]],
    whole: list[Measured],
    bare: list[Measured],
    files: dict[int, float],
    weights: dict[int, float],
) -> BenchResult:
    n_all, n_some = int(str(settings["articles"])), max(int(str(settings["articles"])) // SHARE, 1)
    figures: dict[str, float] = {
        f"articles/s, {sizes[0]:,} names": n_all / _seconds(whole),
        f"peak MiB, {sizes[0]:,} names": _peak(whole),
        "mentions an article": whole[0].result.mentions / n_all,
        f"{BARE}: articles/s": n_some / _seconds(bare),
        f"{BARE}: MiB": _memory(bare),
    }
    rows = []
    for size in sizes:
        build_s = median([one.seconds for one in built[size]])
        loading_s = median([one.result.loading_s for one in read[size]])
        rate = n_some / _seconds(read[size])
        figures |= {
            f"{size:,} names: s to build": build_s,
            f"{size:,} names: s to load": loading_s,
            f"{size:,} names: MiB": weights[size],
            f"{size:,} names: articles/s": rate,
        }
        rows.append(
            (
                f"{size:,}",
                f"{build_s:.1f}",
                f"{files[size]:.0f}",
                f"{loading_s:.2f}",
                f"{weights[size]:.0f}",
                f"{_peak(built[size]):.0f}",
                f"{rate:,.0f}",
            )
        )
    rows.append((f"{sizes[0]:,}, {BARE}", "", "", "", f"{_memory(bare):.0f}", "", _rate(n_some, bare)))
    rows.append((f"{sizes[0]:,}, all {n_all:,} articles", "", "", "", "", "", _rate(n_all, whole)))
    first, last = sizes[0], sizes[-1]
    grown = last / first
    ratios = {
        f"s to build a name, {last:,} / {first:,}": (
            figures[f"{last:,} names: s to build"] / figures[f"{first:,} names: s to build"] / grown
        ),
        f"memory of a name, {last:,} / {first:,}": figures[f"{last:,} names: MiB"]
        / figures[f"{first:,} names: MiB"]
        / grown,
        f"s to read an article, {last:,} / {first:,}": _seconds(read[last]) / _seconds(read[first]),
        f"articles/s / {BARE}": figures[f"{first:,} names: articles/s"] / figures[f"{BARE}: articles/s"],
    }
    columns = ("names", "s to build", "file MiB", "s to load", "MiB of names", "peak MiB building", "articles/s")
    return BenchResult("language", settings, figures, ratios, columns, tuple(rows))


def _seconds(runs: Sequence[Measured]) -> float:
    return median([one.result.reading_s for one in runs])


def _memory(runs: Sequence[Measured]) -> float:
    """MiB."""
    return float(max(one.result.names_mib for one in runs))


def _rate(articles: int, runs: Sequence[Measured]) -> str:
    return f"{articles / _seconds(runs):,.0f}"


def _peak(runs: Sequence[Measured]) -> float:
    """MiB."""
    return max(one.peak_bytes for one in runs) / MIB


def _sizes(least: int, most: int) -> list[int]:
    """From the real names to the most, by equal factors."""
    if most <= least:
        return [least]
    factor = (most / least) ** (1 / STEPS)
    return [*(round(least * factor**step) for step in range(STEPS)), most]


def _real_names(test_data: Path) -> list[str]:
    path = test_data / NAMES
    if not path.exists() or not (test_data / POSTS).exists():
        raise ConfigurationError(f"{path} or {test_data / POSTS} is missing. Set MIXTAPE_TEST_DATA to where they are.")
    return [name for name in path.read_text(encoding="utf-8").splitlines() if name.strip()]


def _many_names(real: Sequence[str], most: int, rng: np.random.Generator) -> list[str]:
    """The real names, then new ones: a real one with a word of another, or where it is one word, with its ending."""
    names, known = list(real), set(real)
    while len(names) < most:
        for one, other in rng.integers(len(real), size=(most, 2)):
            parts, others = real[one].split(), real[other].split()
            word = others[int(one) % len(others)]
            place = int(other) % len(parts)
            half = parts[place][: len(parts[place]) // 2 + 1] + word[len(word) // 2 :]
            name = " ".join([*parts[:place], word if len(parts) > 1 else half, *parts[place + 1 :]])
            if name not in known:
                known.add(name)
                names.append(name)
            if len(names) >= most:
                break
    return names


def _written_articles(path: Path, test_data: Path, count: int, rng: np.random.Generator) -> Path:
    """Articles of lines of the posts, with form feeds between them."""
    posts = sorted((test_data / POSTS).iterdir())
    lines = [_MARKDOWN.sub("", line).strip() for post in posts for line in post.read_text(encoding="utf-8").split("\n")]
    lines = [line for line in lines if line]
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            length, article = 0, []
            while length < ARTICLE_CHARACTERS:
                article.append(lines[int(rng.integers(len(lines)))])
                length += len(article[-1])
            file.write(("\f" if number else "") + "\n".join(article))
    return path


def _gazetteer(names: Sequence[str]) -> Gazetteer:
    numbers = np.arange(len(names))
    none = np.empty(0, dtype=np.int64)
    return Gazetteer.build(
        ArtistNames(numbers, names, np.ones(len(names), dtype=np.float32)), TrackTitles(none, [], none)
    )


def _build(names: Path, path: Path) -> int:
    built = _gazetteer(names.read_text(encoding="utf-8").split("\n"))
    path.write_bytes(built.to_bytes())
    return len(built)


def _read(path: Path, articles: Path) -> _Reading:
    """Read all articles with names that are loaded first."""
    texts = articles.read_text(encoding="utf-8").split("\f")
    mood("A wonderful record."), plainness(["wonderful"]), words("wonderful")  # what they load once
    start = time.perf_counter()
    gazetteer = Gazetteer.from_bytes(path.read_bytes())
    begin = time.perf_counter()
    mentions = 0
    for text in texts:
        title, _, body = text.partition("\n")
        mentions += len(find_mentions(title, body, gazetteer))
    return _Reading(begin - start, time.perf_counter() - begin, mentions)


def _weigh(path: Path) -> float:
    """How much memory a gazetteer takes, in MiB."""
    tracemalloc.start()
    gazetteer = Gazetteer.from_bytes(path.read_bytes())
    octets, _ = tracemalloc.get_traced_memory()
    return octets / MIB if len(gazetteer) else 0.0


def _read_bare(names: Path, articles: Path) -> _Reading:
    """Find all names in folded texts with pyahocorasick, without asking whether they are meant."""
    import ahocorasick

    texts = articles.read_text(encoding="utf-8").split("\f")
    before, start = resident_bytes(), time.perf_counter()
    automaton = ahocorasick.Automaton()
    for number, name in enumerate(names.read_text(encoding="utf-8").split("\n")):
        automaton.add_word(f" {' '.join(words(name))} ", number)
    automaton.make_automaton()
    names_mib, begin = (resident_bytes() - before) / MIB, time.perf_counter()
    found = sum(1 for text in texts for _ in automaton.iter(f" {' '.join(words(text))} "))
    return _Reading(begin - start, time.perf_counter() - begin, found, names_mib)
