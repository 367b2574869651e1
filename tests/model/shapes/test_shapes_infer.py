"""Shapes follow through arithmetic, bodies and functions; what cannot be right is said."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper, parser
from support import mutations

from onnxguard.model.reading import read_model
from onnxguard.model.shapes.dims import Span, bounds, shape_text
from onnxguard.model.shapes.infer import VISITS_AT_LEAST, infer_shapes
from onnxguard.model.shapes.visits import Shapes
from onnxguard.model.types import infer_types

HEAD = '<ir_version: 8, opset_import: ["" : 17, "local" : 1]>\n'


def inferred(text: str, **sizes: tuple[int, ...]) -> Shapes:
    """The shapes of a model in ONNX's text form."""
    data = parser.parse_model(HEAD + text).SerializeToString()
    return infer_shapes(read_model(data), {name.encode(): size for name, size in sizes.items()})


def shape(shapes: Shapes, name: str) -> str:
    return shape_text(shapes.roots[0].known[name.encode()].shape)


def messages(shapes: Shapes) -> list[str]:
    return [f"{clash.code} {clash.message}" for clash in shapes.clashes]


# -- arithmetic -----------------------------------------------------------------------------------


def test_sizes_are_followed_through_what_exporters_write() -> None:
    shapes = inferred(
        """agraph (float[N, 3, H, W] x) => (float[a, b, c] y)
        <int64[1] zero = {0}, int64[1] one = {1}, int64 two = {2}, int64 three = {3},
         int64[1] all = {-1}, int64[1] c = {3}>
        {
            s = Shape(x)
            h = Gather(s, two)
            w = Gather(s, three)
            hw = Mul(h, w)
            first = Slice(s, zero, one)
            last = Unsqueeze(hw, zero)
            target = Concat<axis = 0>(first, c, last)
            y = Reshape(x, target)
            flat = Concat<axis = 0>(first, all)
            z = Reshape(x, flat)
        }"""
    )
    assert shape(shapes, "y") == "[N, 3, H*W]"
    assert shape(shapes, "z") == "[N, 3*H*W]"
    assert messages(shapes) == []


def test_a_resize_to_twice_the_size_by_arithmetic() -> None:
    shapes = inferred(
        """agraph (float[1, 8, H, W] x) => (float[n, c, h, w] y)
        <int64[1] two = {2}, int64[1] four = {4}, int64[1] zero = {0}>
        {
            s = Shape(x)
            start = Slice(s, zero, two)
            end = Slice(s, two, four)
            doubled = Mul(end, two)
            sizes = Concat<axis = 0>(start, doubled)
            y = Resize<mode = "nearest">(x, , , sizes)
        }"""
    )
    assert shape(shapes, "y") == "[1, 8, 2*H, 2*W]"


@pytest.mark.parametrize(
    ("index", "axis", "made"), [(1, -1, "[N, 16, 3]"), (-2, 0, "[N, 16, 3]"), (9, -1, "[N, 1, 3]")]
)
def test_what_repeat_interleave_repeats_is_followed(index: int, axis: int, made: str) -> None:
    """TorchScript's exporter makes the repeats of a Tile by a OneHot; 9 is outside of it."""
    shapes = inferred(
        f"""agraph (float[N, 1, 3] x) => (float[a, b, c] y)
        <int64[1] at = {{{index}}}, int64 three = {{3}}, int64[1] one = {{1}}, int64 zero = {{0}},
         int64[1] all = {{-1}}, int64[1] sixteen = {{16}}>
        {{
            n = Shape<end = 1>(x)
            many = Mul(n, sixteen)
            r = Div(many, n)
            pair = Concat<axis = 0>(one, r)
            hot = OneHot<axis = {axis}>(at, three, pair)
            repeats = Reshape(hot, all)
            y = Tile(x, repeats)
        }}"""
    )
    assert shape(shapes, "y") == made
    assert messages(shapes) == []


@pytest.mark.parametrize(
    ("how", "made"),
    [("reverse = 0", "[10]"), ("reverse = 1", "[2]"), ("exclusive = 1", "[8]"),
     ("exclusive = 1, reverse = 1", "[0]")],
)  # fmt: skip
def test_a_sum_of_the_numbers_so_far_is_followed(how: str, made: str) -> None:
    """So torch.export writes repeat_interleave with a number for each row."""
    shapes = inferred(
        f"""agraph (float[N] x) => (int64[a] y)
        <int64[3] counts = {{3, 5, 2}}, int64 zero = {{0}}, int64 last = {{-1}}, int64 one = {{1}}>
        {{
            sums = CumSum<{how}>(counts, zero)
            end = Gather(sums, last)
            y = Range(zero, end, one)
        }}"""
    )
    assert shape(shapes, "y") == made


def test_the_side_of_a_square_is_followed() -> None:
    """As networks ask for it that stretch a table of positions: ``int(n ** 0.5)``."""
    shapes = inferred(
        """agraph (float[16, 3] table) => (float[a, b, c] y)
        <float[1] half = {0.5}, int64[1] rest = {-1}, int64[1] three = {3}>
        {
            n = Shape<end = 1>(table)
            f = Cast<to = 1>(n)
            p = Pow(f, half)
            side = Cast<to = 7>(p)
            s = Concat<axis = 0>(side, rest, three)
            y = Reshape(table, s)
        }"""
    )
    assert shape(shapes, "y") == "[4, 4, 3]"


def test_scales_are_applied_as_float32() -> None:
    scale = np.float32(1.1)
    model = helper.make_model(
        helper.make_graph(
            [helper.make_node("Resize", ["x", "", "scales"], ["y"])],
            "g",
            [helper.make_tensor_value_info("x", 1, [1, 1, 10, 30])],
            [helper.make_tensor_value_info("y", 1, None)],
            [numpy_helper.from_array(np.array([1, 1, scale, scale], np.float32), "scales")],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
    )
    shapes = infer_shapes(read_model(model.SerializeToString()))
    assert shape(shapes, "y") == "[1, 1, 11, 33]"
    inferred_by_onnx = onnx.shape_inference.infer_shapes(model).graph.output[0]
    assert [d.dim_value for d in inferred_by_onnx.type.tensor_type.shape.dim] == [1, 1, 11, 33]


def test_a_default_that_the_caller_replaces_is_no_constant() -> None:
    text = (
        "agraph (float[4, 3] x, int64[2] s = {{2, 6}}) => (float[a, b] y) {{ y = Reshape(x, s) }}"
    )
    modern = parser.parse_model(HEAD + text.format())
    shapes = infer_shapes(read_model(modern.SerializeToString()))
    assert shape(shapes, "y") == "[a, b]"  # as it is declared
    modern.ir_version = 3  # until then every initializer was an input
    shapes = infer_shapes(read_model(modern.SerializeToString()))
    assert shape(shapes, "y") == "[2, 6]"


def test_given_sizes_stand_for_the_names_of_the_model() -> None:
    text = """agraph (float[N, 3] x, float[N, 4] y) => (float[N, c] z)
        { z = Concat<axis = 1>(x, y) }"""
    shapes = inferred(text, x=(5, 3))
    assert shape(shapes, "y") == "[5, 4]"
    assert shape(shapes, "z") == "[5, 7]"


def test_what_is_declared_counts_where_nothing_follows() -> None:
    shapes = inferred(
        """agraph (float[N] x) => (float[7] z)
        <float[2, 3] y>
        {
            y = local.Unknown(x)
            z = local.Other(y)
        }"""
    )
    assert shape(shapes, "y") == "[2, 3]"
    assert shape(shapes, "z") == "[7]"
    assert dict(shapes.missing) == {"local::Unknown": 1, "local::Other": 1}


def test_nodes_out_of_order_are_inferred_in_order() -> None:
    shapes = inferred(
        """agraph (float[2, 3] x) => (float[a, b] z)
        {
            z = Concat<axis = 0>(y, x)
            y = Relu(x)
        }"""
    )
    assert shape(shapes, "z") == "[4, 3]"


# -- bodies and functions -------------------------------------------------------------------------

LOOP = """agraph (float[2, 3] x, bool go) => (float[a, b] y, float[c, d, e] all)
    <int64 trips = {5}>
    {
        y, all = Loop<body = body (int64 i, bool c, float[p, q] v)
        => (bool d, float[r, s] w, float[t, u] o)
        {
            d = Identity(c)
            w = %s
            o = Relu(v)
        }>(trips, %s, x)
    }"""


def test_a_loop_that_keeps_its_shape() -> None:
    shapes = inferred(LOOP % ("Relu(v)", ""))
    assert shape(shapes, "y") == "[2, 3]"
    assert shape(shapes, "all") == "[5, 2, 3]"
    assert shapes.roots[0].times == {0: 5}


def test_a_loop_that_may_end_early_gives_an_unknown_number() -> None:
    shapes = inferred(LOOP % ("Relu(v)", "go"))
    assert shape(shapes, "all") == "[c, 2, 3]"


@pytest.mark.parametrize(
    ("grows", "condition", "after"),
    [
        ("Concat<axis = 0>(v, v)", "", (64, 3)),
        ("Concat<axis = 0>(v, x)", "", (12, 3)),
        ("Transpose<perm = [1, 0]>(v)", "", (3, 2)),
        ("Concat<axis = 0>(v, v)", "go", (Span(64), 3)),  # its condition may end it
    ],
)
def test_a_loop_that_grows_is_followed_round_by_round(
    grows: str, condition: str, after: tuple[object, ...]
) -> None:
    shapes = inferred((LOOP % (grows, condition)).replace("float[a, b] y", "float[] y"))
    assert shapes.roots[0].known[b"y"].shape == after
    assert messages(shapes) == []


@pytest.mark.parametrize(("trips", "least"), [(65, 132), (1000, 2002), (1 << 40, (1 << 41) + 2)])
def test_growth_goes_on_after_the_rounds_that_are_followed(trips: int, least: int) -> None:
    text = (LOOP % ("Concat<axis = 0>(v, x)", "")).replace("{5}", f"{{{trips}}}")
    (size, _) = inferred(text.replace("[a, b] y", "[] y")).roots[0].known[b"y"].shape or ()
    assert size in (least, Span(least))


@pytest.mark.parametrize(("nodes", "least"), [(0, 1 << 97), (4000, 1 << 90)])
def test_doubling_goes_on_after_the_rounds_that_are_followed(nodes: int, least: int) -> None:
    """Of a body of many nodes 8 rounds are followed."""
    many = " ".join(f"n{at} = Relu(v)" for at in range(nodes))
    text = LOOP.replace("d = Identity(c)", f"d = Identity(c) {many}") % (
        "Concat<axis = 0>(v, v)",
        "",
    )
    text = text.replace("{5}", "{100}").replace("[a, b] y", "[] y")
    (size, _) = inferred(text).roots[0].known[b"y"].shape or ()
    assert isinstance(size, (int, Span))
    assert least <= bounds(size).low <= 1 << 101  # type: ignore[operator]


def test_branches_have_in_common_what_both_give() -> None:
    text = """agraph (float[2, 3] x, bool c) => (float[a, b] y)
        <int64[2] swap = {3, 2}>
        {
            %s
            y = If<then_branch = yes () => (float[p, q] t) { t = Relu(x) },
                else_branch = no () => (float[r, s] e) { e = Concat<axis = 0>(x, x) }>(k)
        }"""
    shapes = inferred(text % "k = Identity(c)")
    assert shapes.roots[0].known[b"y"].shape is not None
    assert shapes.roots[0].known[b"y"].shape == (Span(2, 4), 3)
    known = inferred(text % "s = Shape(x) two = Size(s) k = Equal(two, two)")
    assert shape(known, "y") == "[2, 3]"


def test_a_branch_that_does_not_run_is_not_judged() -> None:
    """As PyTorch exports squeeze() of an axis whose size it did not know."""
    text = """agraph (float[1, %s, 4] x) => (float[a, b] y)
        <int64[1] axis = {1}, int64 at = {1}, int64 one = {1}>
        {
            s = Shape(x)
            size = Gather(s, at)
            c = Equal(size, one)
            y = If<then_branch = yes () => (float[] t) { t = Squeeze(x, axis) },
                else_branch = no () => (float[] e) { e = Identity(x) }>(c)
        }"""
    assert messages(inferred(text % "1")) == []
    assert shape(inferred(text % "1"), "y") == "[1, 4]"
    whole = inferred((text % "3").replace("float[a, b] y", "float[a, b, c] y"))
    assert messages(whole) == []
    assert shape(whole, "y") == "[1, 3, 4]"


def test_a_scan_cuts_and_stacks() -> None:
    shapes = inferred(
        """agraph (float[4] s, float[N, 4] x) => (float[a] last, float[b, c] all)
        {
            last, all = Scan<num_scan_inputs = 1, body = body (float[p] h, float[q] v)
                => (float[r] g, float[t] o)
            {
                g = Add(h, v)
                o = Concat<axis = 0>(g, v)
            }>(s, x)
        }"""
    )
    assert shape(shapes, "last") == "[4]"
    assert shape(shapes, "all") == "[N, 8]"


def test_functions_are_entered_as_they_are_called() -> None:
    shapes = inferred(
        """agraph (float[2, 3] x, float[5] y) => (float[a, b] p, float[c] q)
        {
            p = local.Twice<axis = 0>(x)
            q = local.Twice<axis = 0>(y)
            r = local.Twice<axis = 1>(x)
        }
        <domain: "local", opset_import: ["" : 17]>
        Twice <axis> (v) => (w) { w = Concat<axis: int = @axis>(v, v) }"""
    )
    assert [shape(shapes, name) for name in "pqr"] == ["[4, 3]", "[10]", "[2, 6]"]


def test_sequences_keep_what_their_tensors_have_in_common() -> None:
    shapes = inferred(
        """agraph (float[6, 4] x, float[2, 5] y) => (float[a, b] z, int64 n)
        <int64[3] parts = {2, 2, 2}, int64 at = {0}>
        {
            cut = SplitToSequence<axis = 0>(x, parts)
            one = SequenceAt(cut, at)
            z = ConcatFromSequence<axis = 1>(cut)
            n = SequenceLength(cut)
            mixed = SequenceInsert(cut, y)
            other = SequenceAt(mixed, at)
        }"""
    )
    assert shape(shapes, "one") == "[2, 4]"
    assert shape(shapes, "z") == "[2, 12]"
    assert shapes.roots[0].known[b"n"].values == (3,)
    assert shape(shapes, "other") == "[2, ?]"


# -- what cannot be right -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ("y = MatMul(a, a)", "MatMul: [2, 3] and [2, 3] cannot be multiplied: 3 columns, 2 rows"),
        ("y = Add(a, b)", "Add: [2, 3] and [4, 5] do not broadcast"),
        ("y = Concat<axis = 0>(a, b)", "Concat: input 1 is [4, 5], axis 1 of others has 3"),
        ("y, z = Split<axis = 1>(a)", "Split: an axis of 3 does not divide into 2 equal parts"),
        ("y = Reshape(a, four)", "Reshape: [2, 3] cannot become [4]"),
        ("y = Transpose<perm = [0, 2]>(a)", "Transpose: perm [0, 2] does not order 2 axes"),
        ("y = Squeeze(a, one)", "Squeeze: axis 1 of [2, 3] is not 1"),
        ("y = Softmax<axis = 4>(a)", "Softmax: axis is 4, input 0 has rank 2"),
        ("y = Gemm(a, b)", "Gemm: [2, 3] and [4, 5] cannot be multiplied: 3 columns, 4 rows"),
        (
            "y = Conv(image, weights)",
            "Conv: input 0 is [1, 4, 8, 8], weights [2, 3, 3, 3] in 1 group take 3 channels",
        ),
        (
            "y = MaxPool<kernel_shape = [9, 9]>(image)",
            "MaxPool: a window of 9 does not fit on an axis of 8",
        ),
        ('y = Einsum<equation = "ij,jk->ik">(a, b)', "Einsum: j is 3 and 4"),
        ("y = Resize(image, , , four)", "Resize: 1 sizes for 4 axes of [1, 4, 8, 8]"),
    ],
)
def test_what_does_not_fit_is_said(node: str, said: str) -> None:
    text = """agraph (float[2, 3] a, float[4, 5] b, float[1, 4, 8, 8] image) => (float[] y)
        <float[2, 3, 3, 3] weights = {%s}, int64[1] one = {1}, int64[1] four = {4}> { %s }"""
    shapes = inferred(text % (", ".join(["0"] * 54), node))
    assert messages(shapes) == [f"OG184 {said}"]


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ("y, s = LinearAttention<q_num_heads = 4, kv_num_heads = 2>(q, k, k)", ""),
        ("y, s = LinearAttention<q_num_heads = 4, kv_num_heads = 2>(q, k, k, , k, one)", ""),
        ("y, s = LinearAttention<q_num_heads = 2, kv_num_heads = 4>(q, k, k)", "q_num_heads is 2"),
        (
            "y, s = LinearAttention<q_num_heads = 2, kv_num_heads = 2>(q, k, k)",
            "the sizes of a head: 8 and 4",
        ),
        (
            "y, s = LinearAttention<q_num_heads = 4, kv_num_heads = 2>(q, k, k, , , k)",
            "input 5 is [1, 3, 8], its last axis must be 2 or 1",
        ),
        (
            "y, s = LinearAttention<q_num_heads = 4, kv_num_heads = 2>(q, k, k, state)",
            "the state so far: 3 and 4",
        ),
        ("y = Attention<left_window_size = -2>(h, h, h)", "left_window_size is -2"),
        ("y, a, b = Attention(h, h, h, , state, state)", "axis 1 of what is kept and of what"),
        ("y = Col2Im<pads = [0]>(cols, two, two)", "1 pads for 2 axes of a window"),
        ("y = Col2Im(cols, square, two)", "input 1 is [1, 2], it must have rank 1"),
        (
            "y = MaxUnpool<kernel_shape = [2, 2], strides = [2]>(h, places, four)",
            "1 strides for 2 axes of a window",
        ),
        ("y, s = CausalConvWithState(k, taps, few)", "and those of the bias: 3 and 2"),
        ("y, s = CausalConvWithState(k, taps, , one)", "the state so far: 1 and 3"),
        ("y = AffineGrid(theta, square)", "input 1 is [1, 2], it must have rank 1"),
        ("y, i = TopK(h, two)", "K is one number: 2 and 1"),
        ("y = TensorScatter(h, h, two)", "the places and the batch: 2 and 1"),
        ("y = Resize(h, , four_scales, four)", "both scales and sizes are given"),
        ("y = Concat<axis = 0>(none, few)", ""),
        ("y = Gather(two, square)", "an index is 2, there are 2"),
    ],
)
def test_what_the_standard_asks_of_further_inputs(node: str, said: str) -> None:
    text = """<ir_version: 10, opset_import: ["" : 27]>
        agraph (float[1, 3, 16] q, float[1, 3, 8] k, float[1, 3, 1] one, float[1, 2, 3, 4] state,
            float[1, 4, 3, 4] h, int64[1, 4, 3, 4] places, float[1, 12, 4] cols,
            float[3, 1, 4] taps, float[1, 2, 3] theta,
            float[2] few, float[0] none, float[4] four_scales)
        => (float[] y)
        <int64[2] two = {2, 2}, int64[1, 2] square = {2, 2}, int64[4] four = {1, 4, 6, 8}>
        { %s }"""
    data = parser.parse_model(text % node).SerializeToString()
    found = [clash.message for clash in infer_shapes(read_model(data)).clashes]
    assert len(found) == bool(said)
    assert said in "".join(found)


def test_what_is_empty_may_have_any_other_sizes_where_it_is_joined() -> None:
    """ONNX Runtime leaves it out; exporters cut heads of size 0 from a tensor."""
    shapes = inferred(
        """agraph (float[2, 3, 0] a, float[2, 6, 5] b, float[3, 0] c, float[2, 4] d) => (float x)
        {
            x = Concat<axis = 2>(a, b)
            y = Concat<axis = 1>(a, b)
            z = Concat<axis = 0>(c, d)
        }"""
    )
    assert [shape(shapes, name) for name in "xyz"] == ["[2, 6, 5]", "[2, 9, 5]", "[5, 4]"]


def test_a_declaration_of_the_branch_that_never_runs_is_not_judged() -> None:
    """PyTorch's exporter writes scatter_reduce so: what it declares is true of a scalar."""
    text = """agraph (float[2, 3] x) => (float[k] y)
        <int64 rank = {%s}, int64[1] all = {-1}, float[k] v>
        {
            s = Shape(x)
            n = Size(s)
            c = Equal(n, rank)
            u = If<then_branch = one () => (float[k] a) { a = Reshape(x, all) },
                else_branch = two () => (float[2, 3] b) { b = Identity(x) }>(c)
            v = Relu(u)
            y = If<then_branch = three () => (float[k] d) { d = Relu(v) },
                else_branch = four () => (float[k] e) { e = Identity(v) }>(c)
        }"""
    assert messages(inferred(text % 0)) == []
    plain = "agraph (float[2, 3] x) => (float[k] y) { y = Relu(x) }"
    assert messages(inferred(plain)) == ['OG185 value "y" is declared as [k], it is [2, 3]']


def test_a_regressor_may_be_declared_without_its_axis_of_one() -> None:
    """CatBoost writes [N] for what is [N, 1]."""
    text = """<ir_version: 8, opset_import: ["ai.onnx.ml" : 3]>
        agraph (float[N, 4] x) => (float[%s] y)
        { y = ai.onnx.ml.LinearRegressor<coefficients = [1.0, 1.0, 1.0, 1.0]>(x) }"""
    for declared, clashes in (("N", 0), ("N, 1", 0), ("N, 2", 1), ("3, 3", 1)):
        data = parser.parse_model(text % declared).SerializeToString()
        assert len(infer_shapes(read_model(data)).clashes) == clashes, declared


def test_a_declaration_that_contradicts_is_said() -> None:
    shapes = inferred(
        "agraph (float[2, N] x) => (float[2, 5, 1] y) <float[3, 5] m> { m = Relu(x) y = Relu(m) }"
    )
    assert messages(shapes) == [
        'OG185 value "m" is declared as [3, 5], it is [2, N]',
        'OG185 value "y" is declared as [2, 5, 1], it is [2, N]',
    ]


# -- bounds ---------------------------------------------------------------------------------------


def test_functions_that_double_are_looked_at_within_the_budget() -> None:
    calls = "".join(
        f"""<domain: "local", opset_import: ["" : 17, "local" : 1]>
        F{i} (v) => (w) {{ a = local.F{i + 1}(v) b = Concat<axis = 0>(a, v) w = local.F{i + 1}(b) }}
        """
        for i in range(40)
    )
    text = "agraph (float[2] x) => (float[n] y) { y = local.F0(x) }" + calls
    text += '<domain: "local", opset_import: ["" : 17]> F40 (v) => (w) { w = Relu(v) }'
    shapes = inferred(text)
    assert sum(map(len, shapes.visits.values())) <= VISITS_AT_LEAST


def test_a_function_that_calls_itself_is_unknown() -> None:
    shapes = inferred(
        """agraph (float[2] x) => (float[] y) { y = local.F(x) }
        <domain: "local", opset_import: ["" : 17, "local" : 1]> F (v) => (w) { w = local.F(v) }"""
    )
    assert shape(shapes, "y") == "[...]"


def test_graphs_nest_deep_without_recursion() -> None:
    body = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "g",
        [],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    other = onnx.GraphProto.FromString(body.SerializeToString())
    for _ in range(30):
        node = helper.make_node("If", ["c"], ["y"], then_branch=body, else_branch=other)
        outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
        body = helper.make_graph([node], "g", [], outputs)
    body.input.extend(
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3]),
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
        ]
    )
    shapes = infer_shapes(read_model(helper.make_model(body).SerializeToString()))
    assert shape(shapes, "y") == "[2, 3]"


def test_loops_in_loops_take_no_more_than_their_budget() -> None:
    """A file of 1.4 KB, as the fuzzer made it, took ten seconds."""
    shapes = infer_shapes(read_model(mutations.mutate(641595, mutations.seeds())))
    looked_at = sum(map(len, shapes.visits.values())) + len(shapes.rounds)
    assert shapes.given_up
    assert looked_at <= VISITS_AT_LEAST <= 50_000


def test_a_constant_may_be_what_a_caller_gives_by_another_name() -> None:
    made = parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 18, "l" : 1]> g (float[2] x) => (float[] y)
        { y = l.F<k = 3, more = [4, 5]>(x) }
        <opset_import: ["" : 18], domain: "l"> F <k, more> (x) => (y)
        { a = Constant<value_int: int = @k>() b = Constant<value_ints: ints = @more>()
          one = Constant<value_ints = [1]>() c = Reshape(a, one) s = Concat<axis = 0>(c, b)
          y = ConstantOfShape(s) }"""
    )
    made.graph.output[0].type.tensor_type.ClearField("shape")
    shapes = infer_shapes(read_model(made.SerializeToString()))
    assert not shapes.clashes
    assert shapes.roots[0].known[b"y"].shape == (3, 4, 5)


@pytest.mark.parametrize("first", ["c = Identity(v)", ""])
def test_what_a_branch_reads_of_a_later_node_is_known(first: str) -> None:
    made = parser.parse_model(
        f"""<ir_version: 8, opset_import: ["" : 18]> g (float[1] x, bool b) => (float[] y)
        <int64[1] s = {{5}}> {{ {first} y = If<then_branch = t () => (float[] u)
        {{ u = If<then_branch = i () => (float[] p) {{ p = Concat<axis = 0>(v, v) }},
                  else_branch = j () => (float[] q) {{ q = Concat<axis = 0>(v, v) }}>(b) }},
        else_branch = e () => (float[] w) {{ w = Concat<axis = 0>(v, v) }}>(b)
        v = Expand(x, s) }}"""
    )
    made.graph.output[0].type.tensor_type.ClearField("shape")
    model = read_model(made.SerializeToString())
    assert infer_shapes(model).roots[0].known[b"y"].shape == (10,)
    assert infer_types(model).of(model.graph, b"y") == {"tensor(float)"}
