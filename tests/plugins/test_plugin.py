"""The plugin costs Airflow's other processes nothing, and asks for a login everywhere."""

import subprocess
import sys
from typing import Any

import pytest
from fastapi.testclient import TestClient

from recommenders.settings import PROJECT_ROOT

LOAD = """
import runpy, sys, airflow.plugins_manager
before = set(sys.modules)
runpy.run_path("plugins/mixtape_plugin.py")
print(*(sys.modules.keys() - before))
"""


@pytest.fixture
def app() -> Any:
    """The pages as Airflow mounts them."""
    from plugins.pages.app import create_app

    return create_app()


def test_loading_the_plugin_imports_nothing_more_than_airflow_has() -> None:
    done = subprocess.run([sys.executable, "-c", LOAD], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].strip() == ""


def test_airflow_executes_one_file_of_the_folder() -> None:
    from airflow._shared.module_loading import find_path_from_directory

    found = find_path_from_directory(str(PROJECT_ROOT / "plugins"), ".airflowignore", "glob")
    assert [path.rpartition("/")[2] for path in found if path.endswith(".py")] == ["mixtape_plugin.py"]


def test_every_route_asks_for_a_login_also_unknown_ones(app: Any) -> None:
    client = TestClient(app)
    known = [route.path for route in app.routes if "{" not in route.path]
    assert {"/", "/users", "/user", "/download", "/style.css"} <= set(known)
    for path in [*known, "/docs", "/redoc", "/openapi.json", "/static/style.css", "/anything/else"]:
        response = client.get(path)
        assert response.status_code == 401, path
        assert response.text == "Please log in to Airflow, then load this page again.\n"
