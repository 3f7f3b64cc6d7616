"""Requests made from the API's own document, right and wrong ones: none breaks anything, and answers are as it says."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from portal.backstage import document as published
from tests import catalogs
from tests.doors import served
from tests.doors.served import Served

EXAMPLES = 12  # of each of the twenty operations, right and wrong
CHECKOUT = {"kind": "component", "namespace": "default", "name": "checkout"}
METHODS = ("get", "post", "put", "delete")
OPERATIONS = [(path, name) for path, one in published.read()["paths"].items() for name in METHODS if name in one]
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served.portal(tmp_path_factory.mktemp("fuzz")) as made:
        catalogs.fill(made.services.database, catalogs.company(30, 3))
        yield made


@pytest.fixture(scope="module")
def document(portal: Served) -> Any:
    return schemathesis.openapi.from_wsgi("/api/catalog/openapi.json", portal.app)


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_no_request_breaks_anything(
    path: str, method: str, mode: GenerationMode, document: Any, portal: Served
) -> None:
    operation = document[path][method]

    @given(case=operation.as_strategy(generation_mode=mode), real=st.booleans())
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def ask(case: Any, real: bool) -> None:
        if real and "kind" in case.path_parameters:
            case.path_parameters = CHECKOUT
        if real and path == "/refresh" and isinstance(case.body, dict):
            case.body["entityRef"] = "component:default/checkout"
        case.call_and_validate(headers={"Authorization": f"Bearer {portal.keys['admin']}"}, checks=CHECKS)

    try:
        ask()
    except Unsatisfiable:
        pytest.skip("this operation takes nothing that could be wrong")
