"""Another ONNX graph as the reference."""

from __future__ import annotations

from collections.abc import Mapping

from onnx import numpy_helper

from onnxguard.parity.outputs import Selection
from onnxguard.parity.settings import Settings
from onnxguard.parity.trace import Recorded, Trace
from onnxguard.parity.weights import Held
from onnxguard.running.comparison import Array, Named
from onnxguard.running.cutting import computed_names, initializers_of, with_outputs
from onnxguard.running.graph_file import OnnxModel
from onnxguard.running.ranges import Ranges
from onnxguard.running.session import Session


class OnnxReference:
    """Runs a graph in ONNX Runtime on the CPU, its optimisations off.

    Args:
        model: the graph.
        settings: how long a run may take.

    Raises:
        ParityError: OP005, it does not load.
    """

    def __init__(self, model: OnnxModel, settings: Settings) -> None:
        self.model = model
        self.selection: Selection | None = None
        self.states = frozenset[int]()
        self._settings = settings._replace(provider="cpu", optimization_level="none")
        folder = model.folder if model.external else ""
        self._session = Session(model.data, self._settings, folder, files=model.linked)

    def run(self, feeds: Mapping[str, Array]) -> Named:
        """Give copies of the outputs.

        Raises:
            RefusedError: ONNX Runtime does not take these inputs.
        """
        return self._chosen(self._session.run(feeds))

    def _chosen(self, answer: Named) -> Named:
        return answer if self.selection is None else self.selection.of(answer)

    def held(self) -> Held:
        """Its initializers."""
        stored = initializers_of(self.model.proto.graph) if self.model.whole else {}
        return Held({name: numpy_helper.to_array(tensor) for name, tensor in stored.items()})

    def thresholds(self, feeds: Mapping[str, Array]) -> tuple[float, ...]:  # noqa: ARG002
        """The constants that it compares numbers with or clips them at."""
        return Ranges(self.model.proto).thresholds

    def trace(self, feeds: Mapping[str, Array]) -> Trace:
        """As ``run``, and keep every tensor of the main graph.

        Raises:
            RefusedError: ONNX Runtime does not take these inputs.
        """
        graph = self.model.proto.graph
        exposed = with_outputs(self.model.proto, computed_names(graph))
        values = dict(Session(exposed, self._settings).run(feeds))
        records: list[Recorded] = []
        position: dict[str, int] = {}
        for node in graph.node:
            sources = tuple(position[name] for name in node.input if name in position)
            scope = node.name.rpartition("/")[0]
            for number, name in enumerate(node.output):
                if name:
                    kind = f"{node.op_type} {number}" if number else node.op_type
                    position[name] = len(records)
                    records.append(Recorded(kind, name, scope, values[name], sources))
        outputs = [(value.name, values[value.name]) for value in graph.output]
        return Trace(self._chosen(outputs), tuple(records))
