"""The part of W&B's interface that a training script uses: `import dashapp.wandb as wandb`.

`init`, `log`, `finish`, `run` and `config` work as in W&B. Everything else of W&B is missing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashapp import training_run
from dashapp.training_run import Run

run: Run | None = None
# That of the current run.
config: dict[str, Any] = {}


def init(project: str | None = None, *, name: str | None = None, config: Any = None, **others: Any) -> Run:
    """Begin a run named `name`, or else `project`. `others` have no effect."""
    return _begin(name or project or "run", config)


def _begin(name: str, settings: Any) -> Run:
    global run, config
    if run is not None:
        run.finish()
    run = training_run.run(name, config=settings)
    config = run.config
    return run


def log(data: Mapping[str, Any] | None = None, step: float | None = None, commit: bool | None = None) -> None:
    """Log values of the current run. RuntimeError before `init`."""
    if run is None:
        raise RuntimeError('log was called before init; expected wandb.init(name="resnet") first')
    run.log(data, step, commit)


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """End the current run. `quiet` has no effect."""
    global run
    if run is not None:
        run.finish(exit_code)
        run = None
