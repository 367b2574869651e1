"""OG301 and OG210 where sizes follow from others: chains, loops, bounds, sequences, room."""

from __future__ import annotations

import onnx
from onnx import parser

from rule_cases.case import Case

NAMES = """Abs Add Cast Clip Concat ConcatFromSequence ConstantOfShape ConvInteger ConvTranspose
CumSum DFT DeformConv Det Div Dropout Einsum Equal Expand Floor GRU Gather GatherND Greater Identity
If Loop MatMul Max Min Mod Mul NonZero OneHot Pad QLinearConv Range ReduceSum ReduceSumSquare
Reshape Resize RoiAlign Scan ScatterND SequenceConstruct Shape Sigmoid Split SplitToSequence
Squeeze Sub Tile TopK Transpose Unsqueeze Where"""
OPERATORS = f"operators:\n  - names: [{', '.join(NAMES.split())}]\n"
RULES = f"limits: {{tensor_elements: 100}}\n{OPERATORS}"
CALLS = f"{RULES}  - {{name: F, domain: local}}\n"
TWICE = '<opset_import: ["" : 18], domain: "local"> F (a) => (b) { b = Concat<axis = 0>(a, a) }'


def model(inputs: str, nodes: str, stored: str = "", function: str = "", opset: int = 18) -> bytes:
    """A model of some nodes that make ``y``, of which nothing is declared."""
    opsets = f'"" : {opset}' + (', "local" : 1' if function else "")
    head = f"<ir_version: 8, opset_import: [{opsets}]> g ({inputs}) => (float[] y) {stored}"
    made = parser.parse_model(f"{head} {{ {nodes} }} {function}")
    made.graph.output[0].ClearField("type")
    return made.SerializeToString()


def last(data: bytes) -> str:
    return f"node {len(onnx.ModelProto.FromString(data).graph.node) - 1}"


def found(
    name: str, bad: bytes, good: bytes, message: str, place: str = "node 0", rules: str = RULES
) -> Case:
    return Case(
        "OG301",
        name,
        bad,
        good,
        rules=rules,
        message=message,
        route=place if place.startswith("function") else f"graph/{place}",
        hint="look at the sizes before the node",
        operator=message.partition(" ")[0],
        adr="ADR-2000",
    )


# -- chains ----------------------------------------------------------------------------------------


def doubled(times: int) -> bytes:
    nodes = [f"v{n + 1} = Concat<axis = 0>(v{n}, v{n})" for n in range(times)]
    return model("float[4] x", f"v0 = Identity(x) {' '.join(nodes)} y = Identity(v{times})")


def unshaped(times: int, dims: str, *stated: str) -> bytes:
    """The same of an input whose sizes, or not even their number, are declared."""
    nodes = [f"v{n + 1} = Concat<axis = -1>(v{n}, v{n})" for n in range(times)]
    made = f"v0 = Cast<to = 10>(x) {' '.join(nodes)} y = Identity(v{times})"
    return model(f"float{dims} x", made, f"<{', '.join(stated)}>" if stated else "")


NAMED = [f"float16[3, N{at}] v{at}" for at in range(1, 6)]


def crossed(op_type: str, size: int) -> bytes:
    return model(f"float[{size}, 1] x", f"t = Transpose(x) y = {op_type}(x, t)")


def widened(times: int) -> bytes:
    return model("float[N, 2] x", f"y = Concat<axis = 1>({', '.join('x' * times)})")


def called(size: int) -> bytes:
    nodes = "a = local.F(x) b = local.F(a) y = local.F(b)"
    return model(f"float[{size}] x", nodes, function=TWICE)


CHAINS = (
    found(
        "chain that doubles",
        doubled(5),
        doubled(4),
        "Concat gives [128]: 128 elements, 100 are allowed",
        "node 5",
    ),
    found(
        "chain that doubles an unknown size",
        unshaped(7, "[3, ?]"),
        unshaped(5, "[3, ?]"),
        "Concat gives [3, ?]: at least 192 elements",
        "node 6",
    ),
    found(
        "chain that doubles an unknown size and declares names for it",
        unshaped(7, "[3, ?]", *NAMED),
        unshaped(5, "[3, ?]", *NAMED),
        "Concat gives [3, ?]: at least 192 elements",
        "node 6",
    ),
    found(
        "chain that doubles what has no rank",
        unshaped(7, "[]"),
        unshaped(6, "[]"),
        "Concat gives [128]: 128 elements",
        "node 7",
    ),
    found(
        "row and column",
        crossed("Add", 11),
        crossed("Add", 10),
        "Add gives [11, 11]: 121 elements",
        "node 1",
    ),
    found(
        "outer product",
        crossed("MatMul", 11),
        crossed("MatMul", 10),
        "MatMul gives [11, 11]: 121 elements",
        "node 1",
    ),
    found(
        "size that has a name",
        widened(51),
        widened(50),
        "Concat gives [N, 102]: at least 102 elements",
    ),
    found(
        "function that grows what each call gives",
        called(13),
        called(12),
        "Concat gives [104]: 104 elements",
        "function local::F/node 0",
        CALLS,
    ),
)

# -- loops -----------------------------------------------------------------------------------------


def looped(nodes: str, trips: int, stored: str = "", function: str = "", on: str = "") -> bytes:
    """A Loop that carries ``x`` as ``v`` and makes ``w`` of it in each round ``i``."""
    body = f"b (int64 i, bool c, float[] v) => (bool d, float[] w) {{ d = Identity(c) {nodes} }}"
    stored = f"<int64 m = {{{trips}}}{stored}>"
    return model("float[4] x, bool on", f"y = Loop<body = {body}>(m, {on}, x)", stored, function)


def nested(trips: int) -> bytes:
    inner = "b2 (int64 j, bool e, float[] p) => (bool f, float[] q)"
    inner += " { f = Identity(e) q = Concat<axis = 0>(p, p) }"
    return looped(f"w = Loop<body = {inner}>(k, , v)", trips, ", int64 k = {2}")


def scanned(length: int) -> bytes:
    body = "b (float[] v, float[] k) => (float[] w) { w = Concat<axis = 0>(v, v) }"
    nodes = f"y = Scan<num_scan_inputs = 1, body = {body}>(x, e)"
    return model(f"float[4] x, float[{length}] e", nodes)


ROUNDS = {
    "Concat": ("w = Concat<axis = 0>(v, v)", "", 1),
    "Tile": ("w = Tile(v, r)", ", int64[1] r = {2}", 1),
    "Pad": ("s = Shape(v) p = Concat<axis = 0>(z, s) w = Pad(v, p)", ", int64[1] z = {0}", 3),
    "Expand": ("s = Shape(v) p = Add(s, s) w = Expand(o, p)", ", float[1] o = {1.0}", 3),
    "Resize": ('w = Resize<mode = "nearest">(v, , f)', ", float[1] f = {2.0}", 1),
}
ONE_MORE = "w = Concat<axis = 0>(v, o)", ", float[1] o = {1.0}"
BY_ROUND = "j = Unsqueeze(i, z) e = ConstantOfShape(j) w = Identity(v)", ", int64[1] z = {0}"

LOOPS = (
    *(
        found(
            f"{name} in every round",
            looped(nodes, 5, stored),
            looped(nodes, 4, stored),
            f"{name} gives [128]: 128 elements",
            f"Loop_0.body/node {index}",
        )
        for name, (nodes, stored, index) in ROUNDS.items()
    ),
    found(
        "function in every round",
        looped("w = local.F(v)", 5, function=TWICE),
        looped("w = local.F(v)", 4, function=TWICE),
        "Concat gives [128]: 128 elements",
        "function local::F/node 0",
        CALLS,
    ),
    found(
        "loop in a loop",
        nested(3),
        nested(2),
        "Concat gives [128]: 128 elements",
        "Loop_0.body/Loop_1.body/node 1",
    ),
    found(
        "loop that its condition may end",
        looped(ROUNDS["Concat"][0], 5, on="on"),
        looped(ROUNDS["Concat"][0], 4, on="on"),
        "Concat gives [128]: 128 elements",
        "Loop_0.body/node 1",
    ),
    found(
        "a little in each of many rounds",
        looped(ONE_MORE[0], 97, ONE_MORE[1]),
        looped(ONE_MORE[0], 96, ONE_MORE[1]),
        "Concat gives [101]: 101 elements",
        "Loop_0.body/node 1",
    ),
    found(
        "size that is the number of the round",
        looped(BY_ROUND[0], 102, BY_ROUND[1]),
        looped(BY_ROUND[0], 101, BY_ROUND[1]),
        "ConstantOfShape gives [101]: 101 elements",
        "Loop_0.body/node 2",
    ),
    found(
        "state of a Scan",
        scanned(5),
        scanned(4),
        "Concat gives [128]: 128 elements",
        "Scan_0.body/node 0",
    ),
)

# -- sizes in which an input has a say -------------------------------------------------------------

AT_LEAST = {
    "Where": "c = Greater(n, one) b = Add(size, one) s = Where(c, size, b)",
    "Max": "s = Max(n, size)",
    "Clip": "q = Squeeze(size) s = Clip(n, q)",
    "Min that is taken off": "z = Sub(one, one) m = Min(n, z) s = Sub(size, m)",
    "nothing times an input": "z = Sub(one, one) k = Mul(n, z) s = Add(k, size)",
    "Mod": "k = Mod(n, one) s = Add(k, size)",
    "Abs": "a = Abs(n) s = Add(a, size)",
    "comparison": "c = Greater(n, one) k = Cast<to = 7>(c) s = Add(k, size)",
    "Sigmoid": "a = Sigmoid(x) k = Cast<to = 7>(a) s = Add(k, size)",
    "table": "b = Add(size, one) t = Concat<axis = 0>(b, size) s = Gather(t, n)",
    "count of what is not nought": "z = NonZero(x) t = Shape<start = 1>(z) m = Sub(t, one) "
    "s = Add(m, size)",
    "floats": "c = Greater(n, one) f = Cast<to = 1>(c) g = Cast<to = 1>(size) h = Add(f, g) "
    "s = Cast<to = 7>(h)",
    "branches": "c = Greater(n, one) q = Squeeze(c) s = If<then_branch = t () => (int64[1] u) "
    "{ u = Identity(size) }, else_branch = e () => (int64[1] v) { v = Add(size, one) }>(q)",
    "named size": "t = Shape(z) s = Mul(t, size)",
}
CHOSEN = "c = Greater(n, one) s = Where(c, size, size) "
READERS = {
    "Expand": "y = Expand(x, s)",
    "Tile": "y = Tile(x, s)",
    "Pad": "p = Concat<axis = 0>(one, s) y = Pad(x, p)",
    "Range": "q = Squeeze(s) o = Squeeze(one) y = Range(o, q, o)",
    "OneHot": "q = Squeeze(s) o = Concat<axis = 0>(one, one) y = OneHot(n, q, o)",
    "Resize": 'y = Resize<mode = "nearest">(x, , , s)',
}


def bounded(nodes: str, size: int) -> bytes:
    """What reads a size that nodes make of ``size`` and of an input's numbers."""
    stored = f"<int64[1] size = {{{size}}}, int64[1] one = {{1}}>"
    return model("float[1] x, float[K] z, int64[1] n", nodes, stored)


BOUNDS = (
    *(
        found(
            f"size at least a constant: {name}",
            bounded(f"{nodes} y = ConstantOfShape(s)", 101),
            bounded(f"{nodes} y = ConstantOfShape(s)", 99),
            "ConstantOfShape gives ",
            last(bounded(f"{nodes} y = ConstantOfShape(s)", 101)),
        )
        for name, nodes in AT_LEAST.items()
    ),
    *(
        found(
            f"{name} by a size at least a constant",
            bounded(CHOSEN + nodes, 103),
            bounded(CHOSEN + nodes, 98),
            f"{name} gives ",
            last(bounded(CHOSEN + nodes, 103)),
        )
        for name, nodes in READERS.items()
    ),
)

# -- sizes that no data decide, by what is not followed --------------------------------------------

UNFOLLOWED = {
    "GatherND": "s = GatherND({s}, table)",
    "ScatterND": "s = ScatterND(one, table, {s})",
    "MatMul": "a = Reshape({s}, pair) b = MatMul(a, a) s = Reshape(b, one)",
    "Einsum": 's = Einsum<equation = "i,i->i">({s}, {s})',
    "CumSum": "a = Reshape({s}, pair) q = Squeeze(one) b = CumSum(a, q) s = Reshape(b, one)",
    "ReduceSumSquare": "s = ReduceSumSquare({s})",
    "TopK": "s, i = TopK({s}, one)",
    "Pad": 'p = Concat<axis = 0>(one, one) a = Pad<mode = "edge">({s}, p) s = ReduceSum(a, axis)',
    "Dropout": "a = Cast<to = 1>({s}) b = Dropout(a) s = Cast<to = 7>(b)",
    "Det": "a = Cast<to = 1>({s}) b = Reshape(a, pair) c = Det(b) d = Cast<to = 7>(c) "
    "s = Reshape(d, one)",
    "bfloat16": "a = Cast<to = 16>({s}) s = Cast<to = 7>(a)",
    "sequence": "a = SplitToSequence({s}) s = ConcatFromSequence<axis = 0>(a)",
    "more than 64 numbers": "s = Gather(long, {s})",
    "Scan": "a = Concat<axis = 0>({s}, {s}) s, b = Scan<num_scan_inputs = 1, body = l (int64[1] v, "
    "int64 e) => (int64[1] u, int64 f) {{ u = Mul(v, e) f = Identity(e) }}>(one, a)",
    "what is made of it": "a = GatherND({s}, table) b = Mul(a, one) c = Squeeze(b) "
    "d = Unsqueeze(c, axis) s = Add(d, one)",
}
SIZED = {
    "Expand": "y = Expand(x, s)",
    "Tile": "y = Tile(x, s)",
    "Range": "q = Squeeze(s) o = Squeeze(one) y = Range(o, q, o)",
    "Resize": 'y = Resize<mode = "nearest">(x, , , s)',
}
IN_A_ROUND = "j = Unsqueeze(i, z) a = Cast<to = 1>(j) b = {}(a) k = Cast<to = 7>(b) "
IN_A_ROUND += "e = ConstantOfShape(k) w = Identity(v)"
OLD_SCALES = 'a = Cast<to = 1>({s}) s = Dropout(a) y = Resize<mode = "nearest">(x, s)'


def unfollowed(nodes: str, source: str, opset: int = 18) -> bytes:
    """A size that an operator makes of the shape of an input, or of its numbers."""
    stored = "<int64[1] one = {1}, int64[1] axis = {0}, int64[2] pair = {1, 1}, "
    stored += f"int64[1, 1] table = {{0}}, int64[65] long = {{{', '.join('3' * 65)}}}>"
    nodes = nodes.format(s=source)
    return model("float[1] x, int64[1] n", f"t = Shape(x) {nodes}", stored, opset=opset)


HIDDEN = (
    *(
        found(
            f"size of a shape, by what is not followed: {name}",
            unfollowed(f"{nodes} y = ConstantOfShape(s)", "t"),
            unfollowed(f"{nodes} y = ConstantOfShape(s)", "n"),
            'ConstantOfShape calls for a size that is not known: "s", which nothing but sizes',
            last(unfollowed(f"{nodes} y = ConstantOfShape(s)", "t")),
        )._replace(hint="fold the constants", adr="")
        for name, nodes in UNFOLLOWED.items()
    ),
    *(
        found(
            f"{name} by such a size",
            unfollowed(f"{UNFOLLOWED['GatherND']} {nodes}", "t"),
            unfollowed(f"{UNFOLLOWED['GatherND']} {nodes}", "n"),
            f"{name} calls for a size that is not known: ",
            last(unfollowed(f"{UNFOLLOWED['GatherND']} {nodes}", "t")),
        )._replace(hint="fold the constants", adr="")
        for name, nodes in SIZED.items()
    ),
    found(
        "size of a round's number, by what is not followed",
        looped(IN_A_ROUND.format("Dropout"), 3, ", int64[1] z = {0}"),
        looped(IN_A_ROUND.format("Floor"), 3, ", int64[1] z = {0}"),
        'ConstantOfShape calls for a size that is not known: "k"',
        "Loop_0.body/node 5",
    )._replace(hint="fold the constants", adr=""),
    found(
        "Resize of old by such scales",
        unfollowed(OLD_SCALES, "t", 10),
        unfollowed(OLD_SCALES, "n", 10),
        'Resize calls for a size that is not known: "s", which nothing but sizes',
        last(unfollowed(OLD_SCALES, "t", 10)),
    )._replace(hint="fold the constants", adr=""),
)

# -- sizes that the data decide: tried with 1, and with 0 ------------------------------------------

DECIDED = {
    "input times a constant": "s = Mul(n, size)",
    "input and a constant": "s = Add(n, size)",
    "difference of an input": "m = Sub(n, n) s = Add(m, size)",
    "constant less a named size": "t = Shape(z) m = Add(size, one) s = Sub(m, t)",
    "half of a constant and a named size": "t = Shape(z) u = Add(size, size) v = Add(u, t) "
    "w = Add(one, one) s = Div(v, w)",
    "choice": "c = Equal(n, n) s = Where(c, size, one)",
    "other choice": "c = Greater(n, one) s = Where(c, one, size)",
    "sum of data": "a = ReduceSum(x) k = Cast<to = 7>(a) s = Mul(k, size)",
    "place of the largest": "v, i = TopK(x, one) j = Add(i, one) s = Mul(j, size)",
    "declared size": "e = NonZero(x) t = Shape<start = 1>(e) c = Equal(t, one) "
    "k = Where(c, one, size) s = Mul(k, size)",
}


def chosen(times: int) -> bytes:
    """Branches of two ranks, and what grows after them."""
    text = f"""If<then_branch = t () => (float[] u) {{ u = Identity(x) }},
        else_branch = e () => (float[] w) {{ w = Unsqueeze(x, one) }}>(c)
        y = Concat<axis = 0>({", ".join(["v"] * times)})"""
    return model("float[10] x, bool c", f"v = {text}", "<int64[1] one = {0}>")


def reshaped(times: int) -> bytes:
    """What grows of a rank that a caller decides."""
    nodes = f"v = Reshape(x, s) y = Concat<axis = 0>({', '.join(['v'] * times)})"
    return model("float[10] x, int64[?] s", nodes)


def split_far(times: int) -> bytes:
    """Parts of more sizes than are kept of an attribute."""
    names = ", ".join(f"p{at}" for at in range(65))
    text = f"{names} = Split<split = [{', '.join('1' * 65)}]>(x) "
    text += f"y = Concat<axis = 0>({', '.join(['p0'] * times)})"
    return model("float[65] x", text, opset=12)


def later(size: int) -> bytes:
    """A branch that reads what a later node makes."""
    text = """y = If<then_branch = t () => (float[] u) { u = Concat<axis = 0>(v, v) },
        else_branch = e () => (float[] w) { w = Identity(v) }>(c) v = Expand(x, s)"""
    return model("float[1] x, bool c", text, f"<int64[1] s = {{{size}}}>")


def midway(trips: int, widths: int) -> bytes:
    """A Loop whose rounds after the first 64 are unlike them, and unlike the last."""
    text = f"""y = Loop<body = b (int64 i, bool k, float[?] v) => (bool d, float[?] w) {{
        d = Identity(k) c = Equal(i, n)
        w = If<then_branch = t () => (float[?] p) {{
            p = Concat<axis = 0>({", ".join(["v"] * widths)}) }},
          else_branch = e () => (float[?] q) {{ q = Identity(v) }}>(c) }}>(m, , x)"""
    return model("float[1] x", text, f"<int64 m = {{{trips}}}, int64 n = {{80}}>")


DATA = (
    *(
        found(
            f"size that the data decide: {name}",
            bounded(f"{nodes} y = ConstantOfShape(s)", 201),
            bounded(f"{nodes} y = ConstantOfShape(s)", 9),
            "ConstantOfShape gives ",
            last(bounded(f"{nodes} y = ConstantOfShape(s)", 201)),
        )
        for name, nodes in DECIDED.items()
    ),
    found(
        "what grows after branches of two ranks", chosen(11), chosen(10), "Concat gives ", "node 1"
    ),
    found("what grows of an unknown rank", reshaped(101), reshaped(10), "Concat gives ", "node 1"),
    found("part of many", split_far(101), split_far(100), "Concat gives ", "node 1"),
    found(
        "branch that reads what a later node makes",
        later(60),
        later(50),
        "Concat gives [120]: 120 elements, 100 are allowed",
        "If_0.then_branch/node 0",
    ),
    found(
        "round that is unlike the first and the last",
        midway(200, 101),
        midway(200, 1),
        "Concat gives [101]: 101 elements",
        "Loop_0.body/If_2.then_branch/node 0",
        RULES.replace("100}", "100, loop_trip_count: 200}"),
    ),
)

# -- sequences, and room while a node runs ---------------------------------------------------------


def split(size: int) -> bytes:
    nodes = "q = SplitToSequence(x) y = ConcatFromSequence<axis = 0>(q)"
    return model(f"float[{size}] x", nodes)


def repeated(times: int) -> bytes:
    names = ", ".join("x" * times)
    return model("float[20] x", f"q = SequenceConstruct({names}) y = ConcatFromSequence<axis=1>(q)")


def grown(times: int) -> bytes:
    """Tensors of two sizes end to end, and that again."""
    text = f"q = SequenceConstruct(x, {', '.join('z' * times)}) "
    return model(
        "float[1] x, float[10] z",
        f"{text}v = ConcatFromSequence<axis = 0>(q) "
        "r = SequenceConstruct(v, v) y = ConcatFromSequence<axis = 0>(r)",
    )


def quantised(op_type: str, size: int) -> bytes:
    reads = "x, w" if op_type == "ConvInteger" else "x, s, z, w, s, z, s, z"
    inputs = f"uint8[1, 1, {size}, {size}] x, uint8[1, 1, 3, 3] w, float s, uint8 z"
    return model(inputs, f"y = {op_type}({reads})")


def deconvolved(size: int) -> bytes:
    return model(f"float[1, 1, {size}, {size}] x, float[1, 1, 3, 3] w", "y = ConvTranspose(x, w)")


def bent(maps: int) -> bytes:
    """A DeformConv of 5 x 2 windows of one place each."""
    inputs = f"float[1, {maps}, 5, 2] x, float[1, {maps}, 1, 1] w, float[1, 2, 5, 2] o"
    return model(inputs, "y = DeformConv(x, w, o)", opset=19)


def recurrent(hidden: int) -> bytes:
    inputs = f"float[2, 1, 1] x, float[1, {3 * hidden}, 1] w, float[a, b, {hidden}] r"
    return model(inputs, f"y = GRU<hidden_size = {hidden}>(x, w, r)")


PARTS = (
    found(
        "sequence of many tensors",
        split(2),
        split(1),
        "SplitToSequence gives 2 tensors of [1]: they count for at least 130 elements",
    ),
    found(
        "sequence of one tensor again and again",
        repeated(2),
        repeated(1),
        "SequenceConstruct gives 2 tensors of [20]: they count for at least 168 elements",
    ),
    found(
        "sequence of tensors of two sizes",
        grown(5),
        model("float[1] x", "q = SequenceConstruct(x) y = ConcatFromSequence<axis = 0>(q)"),
        "SequenceConstruct gives 6 tensors of [?]: they count for at least 435 elements",
    ),
    *(
        found(
            f"windows of a {op_type}",
            quantised(op_type, 6),
            quantised(op_type, 5),
            f"{op_type} needs room for 144 elements while it runs, 100 are allowed",
        )
        for op_type in ("ConvInteger", "QLinearConv")
    ),
    found(
        "windows of a ConvTranspose",
        deconvolved(4),
        deconvolved(3),
        "ConvTranspose needs room for 144 elements while it runs",
    ),
    found(
        "windows of a DeformConv",
        bent(11),
        bent(10),
        "DeformConv needs room for 110 elements while it runs",
        rules=f"{RULES}opset: {{ai.onnx: 19}}\n",
    ),
    found(
        "gates of a GRU",
        recurrent(17),
        recurrent(16),
        "GRU needs room for 102 elements while it runs",
    ),
    found(
        "places of a NonZero",
        model("float[51, 1] x", "y = NonZero(x)"),
        model("float[50, 1] x", "y = NonZero(x)"),
        "NonZero needs room for 102 elements while it runs",
    ),
    found(
        "what is left between the operands of an Einsum",
        model("float[11] x", 'y = Einsum<equation = "i,j,j,i->">(x, x, x, x)'),
        model("float[10] x", 'y = Einsum<equation = "i,j,j,i->">(x, x, x, x)'),
        "Einsum needs room for 121 elements while it runs",
    ),
    found(
        "samples of a RoiAlign",
        model(
            "float[1, 1, 2, 2] x, float[1, 4] r, int64[1] b",
            "y = RoiAlign<sampling_ratio = 3>(x, r, b)",
        ),
        model(
            "float[1, 1, 2, 2] x, float[1, 4] r, int64[1] b",
            "y = RoiAlign<sampling_ratio = 2>(x, r, b)",
        ),
        "RoiAlign needs room for 108 elements while it runs",
    ),
    found(
        "arrays of a DFT",
        model("float[1, 7, 1] x", "y = DFT(x)"),
        model("float[1, 6, 1] x", "y = DFT(x)"),
        "DFT needs room for 112 elements while it runs",
    ),
)

TOGETHER = Case(
    "OG210",
    "more at once than any list that says nothing allows",
    doubled(28),
    doubled(28),
    rules=OPERATORS,
    good_rules=f"{OPERATORS}limits: {{activation_bytes: 100_000_000_000}}\n",
    message="a run holds 8,589,934,592 bytes at once, 4,294,967,296 are allowed where no list says",
    hint="raise limits.activation_bytes",
)

CASES = (*CHAINS, *LOOPS, *BOUNDS, *HIDDEN, *DATA, *PARTS, TOGETHER)
