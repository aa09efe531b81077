"""Errors of the settings from a command line and an environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
import zxcvbn as zxcvbn  # stays loaded: otherwise each estimate of a test loads its lists again

from dashapp.config.settings import parse_settings
from dashapp.model.ticks import SettingsError


def problems(argv: Sequence[str], environ: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse_settings(argv, environ or {})
    return caught.value.problems
