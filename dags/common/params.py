"""A DAG's trigger form, made from the pydantic class that its tasks read: form and code can't drift apart."""

from typing import Any, TypeVar

from airflow.sdk import Param, get_current_context
from airflow.sdk.exceptions import AirflowFailException
from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)


def as_params(model: type[BaseModel]) -> dict[str, Param]:
    """One typed `Param` for each field of `model`, with its default, bounds and description."""
    schema = model.model_json_schema()
    params = {}
    for name, field in schema["properties"].items():
        options = dict(field)
        default = options.pop("default", None)
        if "anyOf" in options:
            options["type"] = [choice["type"] for choice in options["anyOf"]]
            for choice in options.pop("anyOf"):
                options |= {key: value for key, value in choice.items() if key != "type"}
        params[name] = Param(default, **options)
    return params


def read_params(model: type[Model]) -> Model:
    """The params of the current run as `model`.

    Raises AirflowFailException, so that the task isn't tried again, when one is out of its bounds.
    """
    given: dict[str, Any] = dict(get_current_context()["params"])
    try:
        return model(**{name: value for name, value in given.items() if name in model.model_fields})
    except ValidationError as error:
        raise AirflowFailException(str(error)) from error
