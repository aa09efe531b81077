"""Callbacks of Keras, Lightning and Hugging Face, with stand-ins of the interfaces they use."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import dashapp
from dashapp import callbacks, training_run
from dashapp.training_run import Run, RunClient


class Recorder(RunClient):
    """Keeps what runs log, and sends nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[str, float, float]] = []
        self.ends: list[tuple[str, str]] = []
        self.configs: list[dict[str, Any]] = []
        self.warnings: list[str] = []

    def add(self, run: Run, name: str, number: float) -> None:
        self.rows.append((name, run._step, number))

    def announce(self, run: Run) -> None:
        if run.state == "running":
            self.configs.append(run.config)
        else:
            self.ends.append((run.state, run.error))

    def wake(self) -> None: ...

    def warn(self, subject: str, message: str) -> None:
        self.warnings.append(message)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    recorder = Recorder()
    monkeypatch.setattr(training_run, "_client", recorder)
    yield recorder
    assert recorder.warnings == []


def install(monkeypatch: pytest.MonkeyPatch, name: str, **members: Any) -> None:
    """Put a stand-in of a module, and of the packages above it, into sys.modules."""
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        monkeypatch.setitem(sys.modules, ".".join(parts[:count]), ModuleType(".".join(parts[:count])))
    vars(sys.modules[name]).update(members)


class KerasBase:
    """keras.callbacks.Callback, as far as `fit` uses it."""

    def __init__(self) -> None:
        self.params: Any = None
        self._model: Any = None

    def set_params(self, params: Any) -> None:
        self.params = params

    def set_model(self, model: Any) -> None:
        self._model = model


def keras_fit(callback: Any, epochs: int = 2, fails: bool = False) -> None:
    """Call the callback as `fit` does."""
    callback.set_params({"epochs": epochs, "steps": 2, "verbose": 1})
    callback.set_model(object())
    callback.on_train_begin()
    for epoch in range(epochs):
        for batch in range(2):
            callback.on_train_batch_end(batch, logs={"loss": 1.0 / (1 + epoch + batch)})
        if fails:
            return
        callback.on_epoch_end(epoch, logs={"loss": 0.5, "val_loss": 0.6})
    callback.on_train_end(logs={"loss": 0.5})


def test_keras_logs_batches_and_validation_by_step(client: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "keras.callbacks", Callback=KerasBase)
    keras_fit(dashapp.callbacks.keras("mnist"))
    assert client.configs == [{"epochs": 2, "steps": 2}]
    assert [(step, value) for name, step, value in client.rows if name == "val_loss"] == [(2, 0.6), (4, 0.6)]
    assert [step for name, step, _ in client.rows if name == "loss"] == [1, 2, 2, 3, 4, 4]
    assert [(step, value) for name, step, value in client.rows if name == "epoch"] == [(2, 1), (4, 2)]
    assert client.ends == [("finished", "")]


def test_next_fit_of_keras_ends_an_interrupted_run(client: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "keras.callbacks", Callback=KerasBase)
    callback = callbacks.keras("mnist")
    keras_fit(callback, fails=True)
    assert client.ends == []
    keras_fit(callback)
    assert client.ends == [("failed", "interrupted"), ("finished", "")]


def lightning_fit(callback: Any, error: BaseException | None = None, is_global_zero: bool = True) -> None:
    """Call the callback as `Trainer.fit` does, with one validation after two batches."""
    model = SimpleNamespace(hparams={"lr": 0.1})
    trainer = SimpleNamespace(is_global_zero=is_global_zero, sanity_checking=True, log_every_n_steps=1)
    trainer.global_step = trainer.current_epoch = 0
    trainer.callback_metrics = {}
    callback.on_validation_end(trainer, model)
    trainer.sanity_checking = False
    callback.on_train_start(trainer, model)
    for step in (1, 2, 3):
        trainer.global_step = step
        trainer.callback_metrics["train_loss"] = Tensor(1 / step)
        callback.on_train_batch_end(trainer, model, {}, None, step - 1)
        if error:
            return callback.on_exception(trainer, model, error)  # type: ignore[no-any-return]
        if step == 2:
            trainer.callback_metrics["val_loss"] = Tensor(0.7)
            callback.on_validation_end(trainer, model)
    callback.on_train_epoch_end(trainer, model)
    callback.on_train_end(trainer, model)
    return None


class Tensor:
    """A tensor of one element."""

    def __init__(self, value: float) -> None:
        self._value = value

    def item(self) -> float:
        return self._value


@pytest.mark.parametrize("package", ["lightning.pytorch.callbacks", "pytorch_lightning.callbacks"])
def test_lightning_logs_each_metric_at_its_own_step(
    client: Recorder, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    install(monkeypatch, package, Callback=type("Callback", (), {}))
    lightning_fit(callbacks.lightning("resnet"))
    assert [row[1:] for row in client.rows if row[0] == "train_loss"] == [(1, 1), (2, 1 / 2), (3, 1 / 3)]
    assert [row[1:] for row in client.rows if row[0] == "val_loss"] == [(2, 0.7)]
    assert client.configs == [{"lr": 0.1}]
    assert client.ends == [("finished", "")]


def test_lightning_names_the_exception(client: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "lightning.pytorch.callbacks", Callback=object)
    lightning_fit(callbacks.lightning("resnet"), error=MemoryError())
    assert client.ends == [("failed", "MemoryError")]


def test_only_the_first_process_of_lightning_makes_a_run(
    client: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, "lightning.pytorch.callbacks", Callback=object)
    lightning_fit(callbacks.lightning("resnet"), is_global_zero=False)
    assert (client.configs, client.rows, client.ends) == ([], [], [])


@pytest.mark.parametrize("is_zero", [True, False])
def test_transformers_logs_what_the_trainer_logs(
    client: Recorder, monkeypatch: pytest.MonkeyPatch, is_zero: bool
) -> None:
    install(monkeypatch, "transformers", TrainerCallback=object)
    callback = callbacks.transformers("bert")
    args = SimpleNamespace(learning_rate=5e-5, optim=SimpleNamespace(value="adamw"), output_dir="/secret")
    state = SimpleNamespace(is_world_process_zero=is_zero, global_step=0)
    callback.on_train_begin(args, state, None, model=None)
    state.global_step = 500
    callback.on_log(args, state, None, logs={"loss": 0.4, "epoch": 1.5, "note": "text"}, model=None)
    callback.on_log(args, state, None, logs=None)
    callback.on_train_end(args, state, None)
    callback.on_log(args, state, None, logs={"eval_loss": 1.0})
    expected = [("loss", 500, 0.4), ("epoch", 500, 1.5)] if is_zero else []
    assert client.rows == expected
    assert client.configs == ([{"learning_rate": 5e-5, "optim": "adamw"}] if is_zero else [])
    assert client.ends == ([("finished", "")] if is_zero else [])


def test_callback_with_a_run_leaves_its_end_to_the_program(
    client: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, "keras.callbacks", Callback=KerasBase)
    with dashapp.run("mine", lr=1) as run:
        keras_fit(callbacks.keras(run))
        assert client.ends == []
    assert run.config == {"lr": 1, "epochs": 2, "steps": 2}
    assert client.ends == [("finished", "")]


@pytest.mark.parametrize("library", ["keras", "lightning", "transformers"])
def test_missing_library_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    for name in ("keras", "lightning", "pytorch_lightning", "transformers"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=rf"^{library} is not installed; run `pip install {library}`$"):
        getattr(callbacks, library)("resnet")


@pytest.mark.parametrize("name", [None, 5, "", " ", ["resnet"]])
def test_invalid_name_of_callback_is_an_error_with_the_form(
    monkeypatch: pytest.MonkeyPatch, name: Any
) -> None:
    install(monkeypatch, "transformers", TrainerCallback=object)
    with pytest.raises(TypeError, match=r'^name is .+; expected text, such as "resnet", or the result of'):
        callbacks.transformers(name)
