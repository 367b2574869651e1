"""What a student is, and which ones there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from onnxguard.base.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor, nn

MULTIPLE = 8
"""H and W of a student's images are multiples of it: three poolings halve them."""
TRAINED = "trained"
"""The folder, in the current one, where trained students are put and looked for."""


class Student(NamedTuple):
    """A network that is trained here, and what its exported graph must be.

    Attributes:
        name: as the command line takes it.
        factory: ``module:callable`` that builds the untrained network.
        parameters: how many trainable parameters it has.
        allowlist: the id of the list that its graph must pass.
        operators: exactly the operators of its graph.
        input_name: the input, float32 ``[1, 3, H, W]``, RGB normalised as ImageNet is.
        output_name: the output, float32 ``[1, 1, H, W]`` in 0..1.
        multiple: H and W must be multiples of it.
        opset: the opset version that it is exported at.
    """

    name: str
    factory: str
    parameters: int
    allowlist: str
    operators: tuple[str, ...]
    input_name: str = "input"
    output_name: str = "saliency_map"
    multiple: int = MULTIPLE
    opset: int = 17

    def build(self, weights: Mapping[str, Tensor] | None = None) -> nn.Module:
        """Make the network in evaluation mode.

        Args:
            weights: a state dict of it; PyTorch's default initial weights where there is none.
        """
        module, _, name = self.factory.partition(":")
        factory: Callable[[], nn.Module] = getattr(import_module(module), name)
        network = factory().eval()
        if weights is not None:
            network.load_state_dict(weights)
        return network


def trainable_parameters(network: nn.Module) -> int:
    """How many numbers a training changes."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


STUDENTS = {
    student.name: student
    for student in (
        Student(
            "saliency-v1",
            "onnxguard.students.saliency:saliency_v1",
            112_841,
            "pre-adr-0258",
            ("Concat", "Conv", "ConvTranspose", "MaxPool", "Relu", "Sigmoid"),
        ),
        Student(
            "saliency-v2",
            "onnxguard.students.saliency:saliency_v2",
            123_721,
            "adr-0258",
            ("Concat", "Constant", "Conv", "MaxPool", "Relu", "Resize", "Sigmoid"),
        ),
    )
}
"""The students by name."""


def find_student(name: str) -> Student:
    """Look a student up.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in STUDENTS:
        from onnxguard.base.printable import printable

        raise UsageError(f'no student "{printable(name)}"; there are: {", ".join(STUDENTS)}')
    return STUDENTS[name]
