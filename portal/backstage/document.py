"""The OpenAPI document of this API, kept as YAML beside the doors."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from portal import auth
from portal.errors import CATALOG

FILE = Path(__file__).parent / "openapi.yaml"


def published() -> dict[str, Any]:
    """Return the document with the address at which this portal is reached."""
    return {**read(), "servers": [{"url": auth.services().config.address + CATALOG}]}


@cache
def read() -> dict[str, Any]:
    """Return the document as it is kept."""
    said: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return said
