"""Models rich in functions, drawn by a seed: what ONNX Runtime substitutes before it runs."""

from __future__ import annotations

from collections import Counter
from random import Random

from onnx import (
    AttributeProto,
    FunctionProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    helper,
)

UNARY = ["Relu", "Neg", "Abs", "Sigmoid", "Tanh", "Identity", "HardSwish", "Softsign"]
BINARY = ["Add", "Sub", "Mul", "Max"]
USED = frozenset({*UNARY, *BINARY, "If", "Loop", "Constant", "LeakyRelu"})
"""The standard operators that are drawn."""

BUILT_IN = [("com.microsoft", "QuickGelu"), ("com.microsoft", "FastGelu")]
BUILT_IN += [("ai.onnx.ml", "Binarizer")]
POOL = ["a", "b", "x", "v", "w"]
TRIPS = ["M", "n", "k"]
"""Names for values and trip counts, so few that the same ones stand inside and outside."""

FLOAT = TensorProto.FLOAT


def refer(name: str, kind: AttributeProto.AttributeType, to: str) -> AttributeProto:
    """An attribute that stands for one of the function's."""
    return AttributeProto(name=name, type=kind, ref_attr_name=to)


class Drawing:
    """One model while it is drawn; ``features`` counts what it holds."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.more = Random(f"what is drawn since {seed}")  # so that numbers keep their models
        self.features: Counter[str] = Counter()
        self.made: list[FunctionProto] = []
        self.graphs_of: dict[int, str] = {}
        self.count = 0
        self.within = False

    def model(self) -> ModelProto:
        """The whole model."""
        random = self.random
        self.within = True
        for _ in range(random.randint(1, 4)):
            self.function()
        self.within = False
        names = ["X"]
        initializers = [helper.make_tensor("one", FLOAT, [1], [1.0])]
        for name in random.sample(TRIPS, 2):
            trips = random.randint(1, 4)
            initializers.append(helper.make_tensor(name, TensorProto.INT64, [], [trips]))
        trips = [initializer.name for initializer in initializers[1:]]
        if random.random() < 0.1:
            trips.append("_inlfunc_F_M")
            initializers.append(helper.make_tensor(trips[-1], TensorProto.INT64, [], [2]))
            self.features["name as inlining makes it"] += 1
        names += ["one"]
        taken = {*names, *trips, "C"}
        nodes = self.statements(random.randint(2, 5), names, trips, taken, 0, False)
        nodes.append(helper.make_node("Identity", [names[-1]], ["Y"]))
        inputs = [helper.make_tensor_value_info("X", FLOAT, [1])]
        inputs.append(helper.make_tensor_value_info("C", TensorProto.BOOL, []))
        outputs = [helper.make_tensor_value_info("Y", FLOAT, None)]
        graph = helper.make_graph(nodes, "g", inputs, outputs, initializers)
        domains = ["d1", "d2", "com.microsoft"]
        imports = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
        imports += [helper.make_opsetid(domain, 1) for domain in domains]
        return helper.make_model(graph, opset_imports=imports, functions=self.made, ir_version=10)

    def fresh(self, taken: set[str], pool: list[str] = POOL) -> str:
        """A name that this scope has not; the same names as in others, where there are some."""
        free = [name for name in pool if name not in taken]
        self.count += 1
        name = self.random.choice(free) if free else f"t{self.count}"
        taken.add(name)
        return name

    def function(self) -> None:
        """Draw a function that may call those before it."""
        random = self.random
        domain, name, overload = random.choice(["d1", "d2"]), random.choice("FGH"), ""
        if random.random() < 0.08:
            domain, name = random.choice(BUILT_IN)
            self.features["function that a runtime has built in"] += 1
        if random.random() < 0.2:
            overload = random.choice(["p", "q"])
            self.features["overload"] += 1
        if any((f.domain, f.name, f.overload) == (domain, name, overload) for f in self.made):
            return
        built_in = domain not in ("d1", "d2")
        inputs = [random.choice(POOL)]
        if not built_in and random.random() < 0.4:
            inputs.append(random.choice(TRIPS))
        taken = set(inputs) | {"C"}
        names = list(inputs[:1])
        attributes: list[str] = [] if built_in else ["alpha"]
        defaults: list[AttributeProto] = []
        nodes: list[NodeProto] = []
        if random.random() < 0.5 and not built_in:
            attributes.append("trips")
        elif random.random() < 0.5 and not built_in:
            defaults.append(helper.make_attribute("trips", random.randint(1, 4)))
            self.features["attribute with a default"] += 1
        graphs = random.random() < 0.3 and not built_in
        trips: list[str] = inputs[1:]
        if "trips" in attributes or defaults:
            trips.append(self.fresh(taken, TRIPS))
            constant = helper.make_node("Constant", [], [trips[-1]])
            constant.attribute.append(refer("value_int", AttributeProto.INT, "trips"))
            nodes.append(constant)
            self.features["attribute reference"] += 1
        own = self.fresh(taken, TRIPS)
        nodes.append(helper.make_node("Constant", [], [own], value_int=random.randint(20, 30)))
        trips.append(own)
        leaky = helper.make_node("LeakyRelu", [names[-1]], [self.fresh(taken)])
        leaky.attribute.append(refer("alpha", AttributeProto.FLOAT, "alpha"))
        nodes.append(leaky)
        names.append(leaky.output[0])
        if graphs:
            if self.more.random() < 0.3:
                default = self.body(names, trips, taken, 1)
                defaults.append(helper.make_attribute("body", default))
                self.features["graph as a default"] += 1
            else:
                attributes.append("body")
            loop = helper.make_node(
                "Loop", [random.choice(trips), "", names[-1]], [self.fresh(taken)]
            )
            loop.attribute.append(refer("body", AttributeProto.GRAPH, "body"))
            nodes.append(loop)
            names.append(loop.output[0])
            self.features["graph by reference"] += 1
        nodes += self.statements(random.randint(1, 3), names, trips, taken, 1, True)
        opset = self.more.choice([13, 15, 16, 18]) if self.more.random() < 0.1 else 17
        self.features["function at another opset"] += opset != 17
        imports = [helper.make_opsetid("", opset)]
        imports += [helper.make_opsetid(d, 1) for d in ("d1", "d2", "com.microsoft")]
        made = helper.make_function(
            domain,
            name,
            inputs,
            [names[-1]],
            nodes,
            imports,
            attributes,
            defaults,
            overload=overload,
        )
        alike = [f for f in self.made if (f.domain, f.name) == (domain, name)]
        self.features["functions that differ in their overload alone"] += bool(alike)
        self.made.append(made)

    def statements(
        self,
        count: int,
        names: list[str],
        trips: list[str],
        taken: set[str],
        depth: int,
        inside: bool,
    ) -> list[NodeProto]:
        """Draw nodes; each adds the name that it makes."""
        nodes = []
        for _ in range(count):
            kind = self.random.random()
            output = self.fresh(taken)
            if kind < 0.35 or depth > 3:
                node = self.operator(names, output)
            elif kind < 0.7 and self.made:
                node = self.call(names, trips, taken, output, depth)
            elif kind < 0.85 or inside:
                node = helper.make_node(
                    "Loop", [self.random.choice(trips), "", names[-1]], [output]
                )
                body = self.body(names, trips, taken, depth + 1)
                node.attribute.append(helper.make_attribute("body", body))
                self.features["Loop whose body captures"] += 1
            else:
                branches = {
                    f"{which}_branch": self.branch(names, trips, taken, depth + 1)
                    for which in ("then", "else")
                }
                node = helper.make_node("If", ["C"], [output], **branches)
                self.features["If whose branches capture"] += 1
            nodes.append(node)
            names.append(output)
        return nodes

    def operator(self, names: list[str], output: str) -> NodeProto:
        if self.random.random() < 0.5:
            return helper.make_node(
                self.random.choice(UNARY), [self.random.choice(names)], [output]
            )
        inputs = [self.random.choice(names), self.random.choice(names)]
        return helper.make_node(self.random.choice(BINARY), inputs, [output])

    def call(
        self,
        names: list[str],
        trips: list[str],
        taken: set[str],
        output: str,
        depth: int,
    ) -> NodeProto:
        random = self.random
        made = random.choice(self.made)
        inputs = [random.choice(names)]
        if len(made.input) > 1:
            if random.random() < 0.9:
                inputs.append(random.choice(trips))
            else:
                inputs += [""] * random.randint(0, 1)
                self.features["omitted input"] += 1
        node = helper.make_node(made.name, inputs, [output], domain=made.domain)
        node.overload = made.overload
        if made.domain not in ("d1", "d2"):
            return node
        node.attribute.append(helper.make_attribute("alpha", 0.25))
        if "trips" in made.attribute or random.random() < 0.5:
            node.attribute.append(helper.make_attribute("trips", random.randint(1, 4)))
        default = any(given.name == "body" for given in made.attribute_proto)
        if "body" in made.attribute or (default and self.more.random() < 0.5):
            body = self.body(names, trips, taken, depth + 1)
            node.attribute.append(helper.make_attribute("body", body))
            self.features["graph that a call gives"] += 1
            inner = {name for each in made.node for name in (*each.input, *each.output)}
            read = {name for each in body.node for name in each.input}
            self.features["the same name inside and outside"] += bool(inner & read)
        if self.within:
            self.features["function in a function"] += 1
            self.features["overload that a function calls"] += bool(made.overload)
        self.features["call"] += 1
        return node

    def body(self, names: list[str], trips: list[str], around: set[str], depth: int) -> GraphProto:
        """A Loop's body; it reads what is around it."""
        self.count += 1
        index, going, value = (f"{what}{self.count}" for what in ("i", "c", "v"))
        mine = [*names, value]
        taken = {index, going, f"{going}_out", value, *around}
        nodes = [helper.make_node("Identity", [going], [f"{going}_out"])]
        nodes += self.statements(
            self.random.randint(1, 2),
            mine,
            trips,
            taken,
            depth,
            True,
        )
        inputs = [helper.make_tensor_value_info(index, TensorProto.INT64, [])]
        inputs.append(helper.make_tensor_value_info(going, TensorProto.BOOL, []))
        inputs.append(helper.make_tensor_value_info(value, FLOAT, [1]))
        outputs = [helper.make_tensor_value_info(f"{going}_out", TensorProto.BOOL, [])]
        outputs.append(helper.make_tensor_value_info(mine[-1], FLOAT, [1]))
        return helper.make_graph(nodes, "b", inputs, outputs)

    def branch(
        self, names: list[str], trips: list[str], around: set[str], depth: int
    ) -> GraphProto:
        mine, taken = list(names), set(around)
        nodes = self.statements(self.random.randint(1, 2), mine, trips, taken, depth, False)
        return helper.make_graph(
            nodes, "b", [], [helper.make_tensor_value_info(mine[-1], FLOAT, [1])]
        )


def draw(seed: int) -> tuple[bytes, Counter[str]]:
    """A model and what it holds."""
    drawing = Drawing(seed)
    model = drawing.model()
    return model.SerializeToString(), drawing.features
