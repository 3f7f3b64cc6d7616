"""Which of our own blocks a catalog-info.yaml may have under `spec`, and who reads each. Pure."""

from collections.abc import Mapping

from catalog.validate import BlockReader
from pipelines import spec

BLOCKS: Mapping[str, BlockReader] = {"deploy": spec.problems}
