"""What ONNX Runtime adds: com.microsoft (docs/ContribOperators.md), as its optimizer writes it."""

from __future__ import annotations

from collections.abc import Callable

from onnxguard.model.shapes import dims as d
from onnxguard.model.shapes.dims import Shape
from onnxguard.model.shapes.elementwise import many, same
from onnxguard.model.shapes.known import Outputs, Site, UnknownError, axis_of, of
from onnxguard.model.shapes.linear import gemm, matmul, product_of
from onnxguard.model.shapes.movement import concat
from onnxguard.model.shapes.reductions import global_pool, layer_normalization
from onnxguard.model.shapes.selection import gather_nd
from onnxguard.model.shapes.windows import conv


def fused_matmul(site: Site) -> Outputs:
    """A product of which either side may be transposed, or its batch moved."""
    a, b = site.shape(0), site.shape(1)
    if site.integer(b"transBatchA", 0) or site.integer(b"transBatchB", 0):
        raise UnknownError
    if site.integer(b"transA", 0) and len(a) > 1:
        a = (*a[:-2], a[-1], a[-2])
    if site.integer(b"transB", 0) and len(b) > 1:
        b = (*b[:-2], b[-1], b[-2])
    return of(product_of(a, b))


def matmul_n_bits(site: Site) -> Outputs:
    """``[..., K]`` by packed weights of ``N`` columns."""
    shape, columns = site.shape(0, least=1), site.integer(b"N", 0)
    if columns < 1:
        raise UnknownError
    return of((*shape[:-1], columns))


def skip_layer_normalization(site: Site) -> Outputs:
    """The sum, normalised; mean, deviation and the sum itself."""
    shape = site.shape(0)
    small = (*shape[:-1], 1)
    return of(shape, small, small, shape)


def attention(site: Site) -> Outputs:
    """``[N, length, hidden]``: a third of the columns of the weights."""
    shape, weights = site.shape(0, rank=3), site.shape_of(1)
    sizes = site.integers(b"qkv_hidden_sizes")
    if sizes:
        hidden: d.Dim = sizes[-1]
    else:
        hidden = d.floor_div(weights[1], 3) if weights and len(weights) == 2 else None
    return of((*shape[:2], hidden))


def multi_head_attention(site: Site) -> Outputs:
    """The query's length, the value's features."""
    query, value = site.shape(0), site.shape_of(2)
    if len(query) != 3 or value is None or len(value) != 3:
        raise UnknownError
    return of((query[0], query[1], value[2]))


def group_query_attention(site: Site) -> Outputs:
    """The shape of the query, where keys and values are not packed into it."""
    if not site.has(1):
        raise UnknownError
    return of(site.shape(0))


def distances(site: Site) -> Outputs:
    """CDist: of each row of the first to each of the second."""
    return of((site.shape(0, rank=2)[0], site.shape(1, rank=2)[0]))


def unfolded(site: Site) -> Outputs:
    """UnfoldTensor: windows of ``size`` along an axis, in an axis of their own at the end."""
    shape, size, step = site.shape(0), site.integer(b"size", 0), site.integer(b"step", 1)
    axis = axis_of(site.integer(b"dim", -1), len(shape))
    if size < 1 or step < 1:
        raise UnknownError
    count = d.add(d.floor_div(d.sub(shape[axis], size), step), 1)
    return of((*shape[:axis], count, *shape[axis + 1 :], size))


def chosen(site: Site) -> Outputs:
    """QLinearWhere: the condition, then X and Y, each with its scale and zero point."""
    inputs = tuple([site.input(index) for index in (0, 1, 4)])
    return of(many()(site._replace(inputs=inputs))[0].shape)


def qlinear_binary(site: Site) -> Outputs:
    """A, its scale and zero point; B, its own."""
    pair = site._replace(inputs=(site.input(0), site.input(3)))
    return of(many()(pair)[0].shape)


def qlinear_concat(site: Site) -> Outputs:
    """The output's scale and zero point, then each input with its own."""
    return of(concat(site._replace(inputs=site.inputs[2::3]))[0].shape)


def qgemm(site: Site) -> Outputs:
    """B is input 3."""
    pair = site._replace(inputs=(site.input(0), site.input(3)))
    return gemm(pair)


def embed_layer_normalization(site: Site) -> Outputs:
    """``[N, length, hidden]``, and which words are masked."""
    ids, words = site.shape(0, rank=2), site.shape_of(2)
    shape: Shape = (*ids, words[1] if words and len(words) == 2 else None)
    return of(shape, (ids[0],), shape)


def expand_dims(site: Site) -> Outputs:
    """A new axis of 1."""
    shape, axis = site.shape(0), site.numbers_at(1)
    if not axis:
        return of((None,) * (len(shape) + 1))
    at = int(axis[0]) % (len(shape) + 1)
    return of((*shape[:at], 1, *shape[at:]))


def qlinear_global_pool(site: Site) -> Outputs:
    """As GlobalAveragePool; with ``channels_last`` the channels stay last."""
    if not site.integer(b"channels_last", 0):
        return of(global_pool(site)[0].shape)
    shape = site.shape(0, least=2)
    return of((shape[0], *[1] * (len(shape) - 2), shape[-1]))


def gated(site: Site) -> Outputs:
    """BiasSplitGelu: half of the last axis."""
    shape = site.shape(0, least=1)
    return of((*shape[:-1], d.floor_div(shape[-1], 2)))


_SAME = """BiasAdd BiasDropout BiasGelu BiasSoftmax DequantizeLinear FastGelu Gelu GroupNorm Inverse
QLinearLeakyRelu QLinearSigmoid QLinearSoftmax QuantizeLinear QuickGelu RotaryEmbedding
Trilu""".split()  # noqa: SIM905 # one line an operator would hide the others

ONNX_RUNTIME: dict[str, Callable[[Site], Outputs]] = {
    **dict.fromkeys(_SAME, same),
    "Attention": attention,
    "BiasSplitGelu": gated,
    "CDist": distances,
    "DynamicQuantizeMatMul": matmul,
    "EmbedLayerNormalization": embed_layer_normalization,
    "ExpandDims": expand_dims,
    "FusedConv": conv,
    "FusedGemm": gemm,
    "FusedMatMul": fused_matmul,
    "GatherND": gather_nd,
    "GemmFastGelu": matmul,
    "GroupQueryAttention": group_query_attention,
    "LayerNormalization": layer_normalization,
    "MatMulInteger16": matmul,
    "MatMulIntegerToFloat": matmul,
    "MatMulNBits": matmul_n_bits,
    "MultiHeadAttention": multi_head_attention,
    "QGemm": qgemm,
    "QLinearAdd": qlinear_binary,
    "QLinearConcat": qlinear_concat,
    "QLinearGlobalAveragePool": qlinear_global_pool,
    "QLinearMul": qlinear_binary,
    "QLinearWhere": chosen,
    "SimplifiedLayerNormalization": layer_normalization,
    "SkipLayerNormalization": skip_layer_normalization,
    "SkipSimplifiedLayerNormalization": skip_layer_normalization,
    "TransposeMatMul": fused_matmul,
    "UnfoldTensor": unfolded,
}
