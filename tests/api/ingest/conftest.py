"""Shared by the tests of all formats."""

from __future__ import annotations

import pytest
from ingest_pipeline import IngestPipeline


@pytest.fixture
def pipeline() -> IngestPipeline:
    """Both ends of the queue: the endpoints, and a collector's source."""
    return IngestPipeline()
