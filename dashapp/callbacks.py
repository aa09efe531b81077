"""Callbacks that make a training run of a model of Keras, Lightning or Hugging Face.

For example, `model.fit(x, y, callbacks=[dashapp.callbacks.keras("resnet")])`. Each function imports its
library when it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from dashapp.client import describe
from dashapp.training_run import RUNNING, Run
from dashapp.training_run import run as begin_run

# The arguments of Hugging Face's Trainer that the page shows.
ARGUMENTS = (
    *("learning_rate", "num_train_epochs", "max_steps", "per_device_train_batch_size"),
    *("gradient_accumulation_steps", "weight_decay", "warmup_steps", "warmup_ratio", "lr_scheduler_type"),
    *("optim", "max_grad_norm", "seed", "fp16", "bf16"),
)


class _RunOfTraining:
    """The run of one training after the other.

    `name`: the name of new runs, or a run that exists and stays open.
    """

    def __init__(self, name: str | Run) -> None:
        if isinstance(name, Run):
            self.run: Run | None = name
        elif isinstance(name, str) and name.strip():
            self.run = None
        else:
            expected = 'expected text, such as "resnet", or the result of dashapp.run'
            raise TypeError(f"name is {describe(name)}; {expected}")
        self._name = name
        self._has_begun = False

    def begin(self, config: Mapping[str, Any]) -> None:
        self.end("interrupted")
        self._has_begun = True
        if isinstance(self._name, str):
            self.run = begin_run(self._name, config=config)
        elif self.run is not None:
            self.run.config.update(config)

    def log(self, values: Mapping[str, Any] | None, step: float) -> None:
        """Log the numbers among `values`; libraries add texts to them."""
        if self._has_begun and self.run is not None and self.run.state == RUNNING:
            others = (str, list, dict, type(None))
            numbers = {name: value for name, value in (values or {}).items() if not isinstance(value, others)}
            if numbers:
                self.run.log(numbers, step=step)

    def end(self, error: BaseException | str | None = None) -> None:
        if self._has_begun and self.run is not None and isinstance(self._name, str):
            self.run.finish(error=error)
        self._has_begun = False


def keras(name: str | Run) -> Any:
    """Return a callback for `fit` of Keras. The step is the number of batches."""
    base: Any = _import("keras", "keras.callbacks").Callback
    training = _RunOfTraining(name)

    class KerasCallback(base):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self._step = 0

        def on_train_begin(self, logs: Any = None) -> None:
            self._step = 0
            training.begin({key: value for key, value in (self.params or {}).items() if key != "verbose"})

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self._step += 1
            training.log(logs, self._step)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            training.log({**(logs or {}), "epoch": epoch + 1}, self._step)

        def on_train_end(self, logs: Any = None) -> None:
            training.end()

    return KerasCallback()


def lightning(name: str | Run) -> Any:
    """Return a callback for the Trainer of Lightning. It logs what `self.log` of the model logs."""
    base: Any = _import("lightning", "lightning.pytorch.callbacks", "pytorch_lightning.callbacks").Callback
    training = _RunOfTraining(name)

    class LightningCallback(base):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self._logged: dict[str, Any] = {}

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            if trainer.is_global_zero:
                self._logged = {}
                training.begin(dict(getattr(pl_module, "hparams", None) or {}))

        def on_train_batch_end(
            self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
        ) -> None:
            # As often as Lightning's own loggers: to read a tensor waits for the GPU.
            if trainer.global_step % max(1, getattr(trainer, "log_every_n_steps", 1)) == 0:
                self._log(trainer)

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            self._log(trainer, epoch=trainer.current_epoch + 1)

        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            if not trainer.sanity_checking:
                self._log(trainer)

        def on_train_end(self, trainer: Any, pl_module: Any) -> None:
            self._log(trainer)
            training.end()

        def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
            training.end(exception)

        def _log(self, trainer: Any, **values: float) -> None:
            """Log what is new: the metrics of a validation stay until the next one."""
            if not trainer.is_global_zero:
                return
            metrics = dict(trainer.callback_metrics)
            new = {key: value for key, value in metrics.items() if value is not self._logged.get(key)}
            self._logged = metrics
            training.log({**new, **values}, trainer.global_step)

    return LightningCallback()


def transformers(name: str | Run) -> Any:
    """Return a callback for the Trainer of Hugging Face. It logs what the Trainer logs."""
    base: Any = _import("transformers", "transformers").TrainerCallback
    training = _RunOfTraining(name)

    class TransformersCallback(base):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.is_world_process_zero:
                values = {key: getattr(args, key) for key in ARGUMENTS if hasattr(args, key)}
                training.begin({key: getattr(value, "value", value) for key, value in values.items()})

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            if state.is_world_process_zero:
                training.log(logs, state.global_step)

        def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            training.end()

    return TransformersCallback()


def _import(package: str, *modules: str) -> Any:
    """Return the first of `modules` that is installed; ImportError if none is."""
    for module in modules:
        try:
            return import_module(module)
        except ModuleNotFoundError as error:
            # The library is there, but a package that it needs is not.
            if (error.name or "").partition(".")[0] != module.partition(".")[0]:
                raise
    raise ImportError(f"{package} is not installed; run `pip install {package}`")
