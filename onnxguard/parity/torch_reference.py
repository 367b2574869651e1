"""A PyTorch module as the reference."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from onnxguard.base.errors import OnnxguardError, UsageError
from onnxguard.base.printable import printable
from onnxguard.parity.answers import tensors_of
from onnxguard.parity.outputs import Selection
from onnxguard.parity.precision import StayingWide, full_precision, widened
from onnxguard.parity.torch_behaviour import Behaviour, BehaviourWatch
from onnxguard.parity.torch_trace import Watch
from onnxguard.parity.trace import Trace
from onnxguard.parity.weights import Held
from onnxguard.running.comparison import Array, Named
from onnxguard.running.errors import ParityError, RefusedError, one_line
from onnxguard.running.limited import within
from onnxguard.running.providers import RUN_SECONDS

T = TypeVar("T")

OTHERS = 4
"""So many other values an input is given: one more, nothing, turned around, one less."""


class TorchReference:
    """Runs a module without gradients, in full precision, on copies of the inputs.

    Args:
        module: the network, in evaluation mode (see ``evaluated``).
        bindings: the parameter of ``forward`` that each input of the graph stands for, where the
            names do not say so.
        seconds: how long a run may take; one that takes longer goes on, unheard.

    Attributes:
        aside: what the module gets and the graph has no input for.
        made_up: such inputs of which nothing is known, and what is added to the first input to
            make each.
    """

    def __init__(
        self,
        module: nn.Module,
        bindings: Mapping[str, str] | None = None,
        seconds: float = RUN_SECONDS,
    ) -> None:
        self.module = module
        self._seconds = seconds
        self._bindings = dict(bindings or {})
        self.precision: torch.dtype | None = None
        self.stays_wide = False
        self.aside: dict[str, Array] = {}
        self.made_up: dict[str, int] = {}
        self.selection: Selection | None = None
        self.states = frozenset[int]()
        self._seen: list[tuple[Mapping[str, Array], Behaviour]] = []

    def in_training(self) -> tuple[str, ...]:
        """The modules that are in training mode although the network was told not to be."""
        return tuple(
            printable(name or type(module).__name__)
            for name, module in self.module.named_modules()
            if module.training
        )

    def unfed(self, inputs: Sequence[str]) -> dict[str, bool]:
        """The parameters of ``forward`` that no input of the graph feeds, and if it needs them."""
        if self._takes_any():
            return {}
        parameters = inspect.signature(self.module.forward).parameters
        bound = {self._bindings.get(name, name) for name in inputs}
        free = {name: parameters[name] for name in self._parameters() if name not in bound}
        if len(inputs) == 1 and not bound & set(self._parameters()):
            free = dict(list(free.items())[1:])  # the only input is the first, whatever its name
        return {name: p.default is p.empty for name, p in free.items()}

    @contextmanager
    def another(self, name: str, attempt: int = 0) -> Iterator[None]:
        """Give an input that the graph lacks another value for a while, one of ``OTHERS``."""
        aside, made_up = self.aside, self.made_up
        if name in made_up:
            self.made_up = {**made_up, name: 1 - 2 * (attempt % 2)}
        else:
            self.aside = {**aside, name: _other(aside[name], attempt)}
        try:
            yield
        finally:
            self.aside, self.made_up = aside, made_up

    def held(self) -> Held:
        """Its parameters and buffers, and what its batch norms multiply by."""
        module = self.module
        tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        with torch.no_grad():
            tensors |= {name: tensor for name, tensor in _computed(module) if tensor.numel()}
        arrays = {name: as_array(tensor, False) for name, tensor in tensors.items()}
        arrays = {name: array for name, array in arrays.items() if array.size}
        return Held(arrays, [_folding(m) for m in module.modules() if _has_statistics(m)])

    def run(self, feeds: Mapping[str, Array], default: torch.dtype = torch.float32) -> Named:
        """Give copies of the outputs, named where the module names them.

        Raises:
            RefusedError: the module raised.
        """
        tensors = {name: as_tensor(array) for name, array in feeds.items()}
        return self._limited(lambda: self._outputs(self._called(tensors)), default)

    def exactly(self, feeds: Mapping[str, Array]) -> Named:
        """As ``run``, in float64, on inputs in float64; the network is widened in place meanwhile.

        Where it refuses that, because it asks for float32 by name somewhere, it gets float64 there.

        Raises:
            RefusedError: the module raised, or cannot be widened.
        """
        double = TorchReference(self.module, self._bindings, self._seconds)
        double.selection = self.selection
        double.made_up = self.made_up
        double.precision = None if self.precision is None else torch.float64
        double.aside = {
            n: a.astype(np.float64) if a.dtype.kind == "f" else a for n, a in self.aside.items()
        }
        with _refusals(), widened(self.module):
            try:
                return double.run(feeds, torch.float64)
            except RefusedError:
                double.stays_wide = True
                return double.run(feeds, torch.float64)

    def trace(self, feeds: Mapping[str, Array]) -> Trace:
        """As ``run``, and keep every tensor.

        Raises:
            RefusedError: the module raised.
        """
        tensors = {name: as_tensor(array) for name, array in feeds.items()}

        def watched() -> Trace:
            with Watch(self.module) as watch:
                answer = self._called(tensors)
            return watch.trace(self._outputs(answer))

        return self._limited(watched)

    def behaviour(self, feeds: Mapping[str, Array]) -> Behaviour:
        """Run once and tell how it computes; the same arrays are not run twice.

        Raises:
            RefusedError: the module raised.
        """
        for before, seen in self._seen:
            if before is feeds:
                return seen
        tensors = {name: as_tensor(array) for name, array in feeds.items()}

        def watched() -> Behaviour:
            with BehaviourWatch(tensors.values()) as watch:
                self._called(tensors)
            return watch.behaviour()

        self._seen.append((feeds, self._limited(watched)))
        return self._seen[-1][1]

    def thresholds(self, feeds: Mapping[str, Array]) -> tuple[float, ...]:
        """The constants that it compares numbers with or clips them at on these inputs."""
        try:
            return self.behaviour(feeds).numbers
        except RefusedError:
            return ()

    def changes_inputs(self, feeds: Mapping[str, Array]) -> tuple[str, ...]:
        """The inputs whose values differ after a run."""
        tensors = {name: as_tensor(array) for name, array in feeds.items()}
        self._limited(lambda: self._called(tensors))
        return tuple(
            name
            for name, array in feeds.items()
            if not np.array_equal(as_array(tensors[name]), array, equal_nan=array.dtype.kind == "f")
        )

    def bind(self, inputs: Sequence[str]) -> None:
        """Check that every input of the graph has a parameter of its own.

        Raises:
            UsageError: a binding names no input or no parameter, or an input has none.
        """
        known = self._parameters()
        shown = ", ".join(map(printable, known)) or "none"
        for name, parameter in self._bindings.items():
            if name not in inputs:
                names = ", ".join(map(printable, inputs)) or "none"
                raise UsageError(f'`bindings`: no input "{printable(name)}"; there are: {names}')
            if parameter not in known:
                lacking = printable(parameter)
                raise UsageError(
                    f'`bindings`: forward has no parameter "{lacking}"; it has: {shown}'
                )
        if not self._bindings and (len(inputs) == 1 or self._takes_any()):
            return  # the only one needs no name, and *args have none
        if not known and self._takes_names():
            return
        bound = [self._bindings.get(name, name) for name in inputs]
        for name, parameter in zip(inputs, bound, strict=True):
            if parameter not in known:
                shown_name, whole = printable(name), printable(parameter.partition(".")[0])
                if parameter.partition(".")[0] in known:
                    raise UsageError(
                        f'"{shown_name}" is a part of "{whole}", which forward takes as a whole: '
                        "name a module that takes the parts and makes it of them"
                    )
                raise UsageError(
                    f'no parameter of forward is called "{shown_name}" (it has: {shown}): say '
                    f"which one it is with `bindings` {shown_name}=PARAMETER"
                )
        if len(set(bound)) < len(bound):
            raise UsageError("`bindings`: two inputs stand for one parameter of forward")

    def _limited(self, run: Callable[[], T], default: torch.dtype = torch.float32) -> T:
        """Run in full precision and without gradients, for as long as it may take."""

        def inside() -> T:
            wide = StayingWide() if self.stays_wide else nullcontext()
            with full_precision(default), torch.no_grad(), wide:
                return run()

        with _refusals():
            return within(self._seconds, inside)

    def _called(self, tensors: dict[str, torch.Tensor]) -> Any:
        known = self._parameters()
        tensors = {name: self._cast(tensor) for name, tensor in tensors.items()}
        named = {self._bindings.get(name, name): tensor for name, tensor in tensors.items()}
        aside = {name: self._cast(as_tensor(array)) for name, array in self.aside.items()}
        for name, step in self.made_up.items():
            like = next(iter(named.values()), torch.zeros(1))
            aside[name] = like ^ bool(step) if like.dtype == torch.bool else like + step
        if all(name in known for name in named) or (not known and self._takes_names()):
            return self.module(**named, **aside)
        return self.module(*tensors.values(), **aside)

    def _cast(self, tensor: torch.Tensor) -> torch.Tensor:
        """A floating input in the module's precision, where the graph may have another."""
        other = self.precision is not None and tensor.dtype.is_floating_point
        return tensor.to(self.precision) if other else tensor

    def _takes_any(self) -> bool:
        """Whether forward has ``*args``."""
        parameters = inspect.signature(self.module.forward).parameters.values()
        return any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters)

    def _takes_names(self) -> bool:
        """Whether forward has ``**kwargs``, and no ``*args``."""
        parameters = inspect.signature(self.module.forward).parameters.values()
        named = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
        return named and not self._takes_any()

    def _parameters(self) -> tuple[str, ...]:
        """The names that ``forward`` takes."""
        return tuple(
            name
            for name, parameter in inspect.signature(self.module.forward).parameters.items()
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        )

    def _outputs(self, answer: Any) -> Named:
        named = list(tensors_of(answer))
        self.states = frozenset(at for at, (_, _, is_state) in enumerate(named) if is_state)
        arrays = [(name, as_array(tensor)) for name, tensor, _ in named]
        return arrays if self.selection is None else self.selection.of(arrays)


def _other(array: Array, attempt: int) -> Array:
    if array.dtype.kind == "b":
        return (~array, np.zeros_like(array), array[..., ::-1], np.ones_like(array))[attempt]
    one = array.dtype.type(1)
    backwards = array[..., ::-1] if array.ndim else -array
    return (array + one, np.zeros_like(array), backwards, array - one)[attempt]


def _computed(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """The weights that are made of parameters, as weight_norm and spectral_norm do."""
    for path, part in module.named_modules():
        names = getattr(part, "parametrizations", ()) if is_parametrized(part) else ()
        plain = (name for name, value in vars(part).items() if isinstance(value, torch.Tensor))
        for name in (*names, *plain):
            yield f"{path}.{name}", getattr(part, name)


def _has_statistics(module: nn.Module) -> bool:
    return isinstance(getattr(module, "running_var", None), torch.Tensor) and hasattr(module, "eps")


def _folding(norm: Any) -> tuple[Array, Array]:
    """What a batch norm multiplies by, and adds."""
    with torch.no_grad():
        factor = 1.0 / torch.sqrt(norm.running_var + norm.eps)
        if norm.weight is not None:
            factor = factor * norm.weight
        summand = -norm.running_mean * factor
        return as_array(factor), as_array(summand if norm.bias is None else summand + norm.bias)


@contextmanager
def evaluated(module: nn.Module) -> Iterator[None]:
    """Put a module into evaluation mode for a while; every part gets back the mode that it had."""
    before = [(part, part.training) for part in module.modules()]
    with suppress(NotImplementedError):  # an exported program has its mode baked in
        module.eval()
    try:
        yield
    finally:
        for part, training in before:
            part.training = training


def as_tensor(array: Array) -> torch.Tensor:
    """A tensor with a copy of the array's values.

    Raises:
        ParityError: OP003, PyTorch has no such dtype.
    """
    try:
        if array.dtype.name == "bfloat16":
            return torch.from_numpy(array.view(np.int16).copy()).view(torch.bfloat16)
        return torch.from_numpy(np.array(array))
    except TypeError:
        raise ParityError("OP003", f"PyTorch has no tensors of {array.dtype}") from None


def as_array(tensor: torch.Tensor, copied: bool = True) -> Array:
    """An array with the tensor's values, a copy of them if ``copied``."""
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg()
    if tensor.dtype == torch.bfloat16:
        import ml_dtypes

        return np.array(tensor.contiguous().view(torch.int16).numpy()).view(ml_dtypes.bfloat16)
    array: Array = tensor.numpy()
    return np.array(array) if copied else array


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except OnnxguardError:
        raise
    except MemoryError:
        raise ParityError("OP001", "the reference ran out of memory") from None
    except (Exception, SystemExit) as error:
        raise RefusedError(one_line(error)) from None
