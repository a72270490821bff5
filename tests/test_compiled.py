"""What is kept compiled: numba alone would not see that a function has changed which another one calls."""

from pathlib import Path

from recommenders.compiled import cache_folder

KERNEL = "from recommenders.compiled import compiled\n\n\n@compiled()\ndef one():\n    return 1\n"


def test_code_is_compiled_anew_whenever_any_of_it_changes(tmp_path: Path) -> None:
    home, package = tmp_path / "home", tmp_path / "package"
    package.mkdir()
    (package / "kernels.py").write_text(KERNEL)
    (package / "plain.py").write_text("ONE = 1\n")
    first = cache_folder(home, package)
    assert first.parent == home / "numba"
    (package / "plain.py").write_text("ONE = 2\n")
    assert cache_folder(home, package) == first
    (package / "kernels.py").write_text(KERNEL.replace("return 1", "return 2"))
    assert cache_folder(home, package) != first
