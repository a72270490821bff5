"""Near-duplicates: the same text with another frame around it is one article, two texts about one record are two."""

import random
import re
import subprocess
import sys

import pytest

from recommenders.language.duplicates import BANDS, SAME, bands, says_the_same, signature, similarity
from tests.language.useful_algorithm import posts


def words(seed: int, n_words: int) -> list[str]:
    """A text in words that come as often as words do."""
    source = random.Random(seed)
    return [f"word{int(source.paretovariate(1.0))}" for _ in range(n_words)]


def meet(a: str, b: str) -> bool:
    """Whether two texts share a band, and so are compared."""
    return bool(set(bands(signature(a)).tolist()) & set(bands(signature(b)).tolist()))


def by_definition(a: str, b: str) -> float:
    """Jaccard's index of the five-word shingles, written down as it is defined."""
    a_words, b_words = a.split(), b.split()
    a_set = {tuple(a_words[i : i + 5]) for i in range(len(a_words) - 4)}
    b_set = {tuple(b_words[i : i + 5]) for i in range(len(b_words) - 4)}
    return len(a_set & b_set) / len(a_set | b_set)


def test_similarity_is_the_share_of_common_shingles() -> None:
    for seed in range(20):
        a = words(seed, 300)
        b = a[: 10 * seed] + words(seed + 100, 150) + a[10 * seed :]
        assert similarity(" ".join(a), " ".join(b)) == pytest.approx(by_definition(" ".join(a), " ".join(b)), abs=0.01)


@pytest.mark.parametrize("frame", [0, 10, 30, 60])
def test_a_press_release_with_an_introduction_of_its_own_is_the_same(frame: int) -> None:
    release = words(1, 250)
    for seed in range(30):
        copy = " ".join(words(seed, frame // 2) + release + words(seed + 500, frame - frame // 2))
        assert says_the_same(" ".join(release), copy)
        assert meet(" ".join(release), copy)


def test_a_copy_with_other_quotes_case_and_spaces_is_the_same() -> None:
    text = (
        "“Björk's new record,” she said – and then: nothing. It’s a BEAUTY, all forty-two minutes of it, in 12 songs."
    )
    copy = text.replace("“", '"').replace("”", '"').replace("’", "'").replace(" ", " \n").upper()
    assert similarity(text, copy) == 1


def test_texts_that_share_few_sentences_are_not_the_same() -> None:
    for seed in range(30):
        shared = words(seed, 60)
        a, b = words(seed + 100, 200) + shared, shared + words(seed + 200, 200)
        assert not says_the_same(" ".join(a), " ".join(b))


def test_nearly_all_pairs_above_the_threshold_meet_and_few_far_below() -> None:
    near = far = 0
    for seed in range(200):
        a = words(seed, 400)
        similar = a[:350] + words(seed + 1_000, 50)  # 346 of 446 shingles: .78
        other = a[:150] + words(seed + 2_000, 250)  # 146 of 646 shingles: .23
        near += meet(" ".join(a), " ".join(similar))
        far += meet(" ".join(a), " ".join(other))
    assert near >= 196
    assert far <= 40
    assert SAME == 0.6


def test_no_two_posts_of_a_real_blog_are_the_same_and_each_is_its_own_copy(real_data) -> None:
    texts = [re.sub(r"<[^>]*>", " ", post.html) for post in posts(real_data("text/usefulalgorithm"))]
    for place, text in enumerate(texts):
        assert similarity(text, text) == 1
        assert max(similarity(text, other) for other in texts[:place] or [""]) < 0.2


def test_chinese_is_compared_letter_by_letter() -> None:
    text = "他们的第二张专辑比第一张更温暖，唱得好像夜里没有人在听一样。这是今年最好的唱片之一。"
    assert says_the_same(text, text + "真的很好")
    assert not says_the_same(
        text, "这张唱片和他们以前的作品完全不同，吉他的声音很大，鼓声也很快，听起来像是另一支乐队。"
    )


def test_short_texts_are_the_same_only_when_they_say_the_same() -> None:
    assert similarity("Out now", "out NOW!") == 1
    assert similarity("Out now", "Out tomorrow") == 0
    assert similarity("", "") == 1


def test_the_numbers_are_the_same_in_every_run() -> None:
    code = "from recommenders.language.duplicates import *; print(bands(signature('a b c d e f g')).tolist())"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    keys = bands(signature("a b c d e f g")).tolist()
    assert run.stdout.strip() == str(keys)
    assert len(set(keys)) == BANDS
    assert keys[:2] == [-8420736919994335528, -4895068082025997387]
