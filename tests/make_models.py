"""Write the models under ``tests/models``: ``python tests/make_models.py [FOLDER]``.

They are small, seeded and the same on every machine. ``saliency_v1`` and ``saliency_v2`` have the
nodes, names and topology of the saliency students, with few channels.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, checker, helper, numpy_helper
from onnx.external_data_helper import set_external_data

FOLDER = Path(__file__).parent / "models"
OPSET = 17
IR_VERSION = 8

Array = npt.NDArray[np.generic]


class Net:
    """Collects nodes and seeded initializers in the order in which a model runs them."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.Generator(np.random.PCG64(seed))
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def add(
        self, op_type: str, name: str, inputs: list[str], output: str = "", **attributes: Any
    ) -> str:
        output = output or f"{name}_output_0"
        self.nodes.append(helper.make_node(op_type, inputs, [output], name, **attributes))
        return output

    def weight(self, name: str, *shape: int) -> str:
        values = self.random.random(shape, np.float32) - np.float32(0.5)
        self.initializers.append(numpy_helper.from_array(values, name))
        return name

    def conv(
        self, name: str, x: str, wide: int, out: int, kernel: int = 3, bias: str = "bias"
    ) -> str:
        prefix = name.strip("/").replace("/", ".").removesuffix(".Conv")
        inputs = [x, self.weight(f"{prefix}.weight", out, wide, kernel, kernel)]
        if bias:
            inputs.append(self.weight(f"{prefix}.{bias}", out))
        return self.add(
            "Conv",
            name,
            inputs,
            dilations=[1, 1],
            group=1,
            kernel_shape=[kernel, kernel],
            pads=[kernel // 2] * 4,
            strides=[1, 1],
        )

    def block(self, name: str, x: str, wide: int, out: int) -> str:
        x = self.conv(f"/{name}/{name}.0/Conv", x, wide, out)
        return self.add("Relu", f"/{name}/{name}.2/Relu", [x])

    def halve(self, name: str, x: str) -> str:
        return self.add(
            "MaxPool",
            f"/{name}/MaxPool",
            [x],
            ceil_mode=0,
            dilations=[1, 1],
            kernel_shape=[2, 2],
            pads=[0, 0, 0, 0],
            strides=[2, 2],
        )

    def transpose_up(self, name: str, x: str, wide: int, out: int) -> str:
        weight = self.weight(f"{name}.weight", wide, out, 2, 2)
        return self.add(
            "ConvTranspose",
            f"/{name}/ConvTranspose",
            [x, weight],
            dilations=[1, 1],
            group=1,
            kernel_shape=[2, 2],
            pads=[0, 0, 0, 0],
            strides=[2, 2],
        )

    def resize_up(self, name: str, x: str, wide: int, out: int) -> str:
        scales = self.add(
            "Constant",
            f"/{name}/Constant",
            [],
            value=numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32)),
        )
        x = self.add(
            "Resize",
            f"/{name}/Resize",
            [x, "", scales],
            coordinate_transformation_mode="half_pixel",
            cubic_coeff_a=-0.75,
            mode="linear",
            nearest_mode="floor",
        )
        return self.conv(f"/{name}/conv/Conv", x, wide, out, bias="")

    def join(self, name: str, a: str, b: str) -> str:
        return self.add("Concat", f"/{name}", [a, b], axis=1)


def float_value(name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def finish(net: Net, name: str, x: onnx.ValueInfoProto, y: onnx.ValueInfoProto) -> onnx.ModelProto:
    graph = helper.make_graph(net.nodes, name, [x], [y], net.initializers)
    return helper.make_model(
        graph,
        producer_name="onnxguard-tests",
        producer_version="1",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )


def saliency(resize: bool, width: int = 2) -> onnx.ModelProto:
    """The student: encoder, bottleneck, decoder with skips; input [1,3,H,W], output [1,1,H,W].

    ``width`` is the channels of the first level; the students have 16 (and 8 in the last block).
    """
    net = Net(seed=2 if resize else 1)
    up = net.resize_up if resize else net.transpose_up
    a, b, c, last = width, 2 * width, 3 * width, max(width // 2, 2)
    e1 = net.block("enc1b", net.block("enc1a", "input", 3, a), a, a)
    e2 = net.block("enc2b", net.block("enc2a", net.halve("pool1", e1), a, b), b, b)
    e3 = net.block("enc3b", net.block("enc3a", net.halve("pool2", e2), b, c), c, c)
    x = net.block("bot", net.halve("pool3", e3), c, c)
    x = net.block("dec3", net.join("Concat", up("up3", x, c, b), e3), b + c, b)
    x = net.block("dec2", net.join("Concat_1", up("up2", x, b, a), e2), a + b, a)
    x = net.block("dec1", net.join("Concat_2", up("up1", x, a, last), e1), a + last, last)
    x = net.conv("/head/Conv", x, last, 1, kernel=1)
    net.add("Sigmoid", "/Sigmoid", [x], "saliency_map")
    return finish(
        net,
        "main_graph",
        float_value("input", [1, 3, "H", "W"]),
        float_value("saliency_map", [1, 1, "H", "W"]),
    )


def int8() -> onnx.ModelProto:
    """One dynamically quantised convolution."""
    net = Net(seed=3)
    constants: list[tuple[str, Array]] = [
        ("weight_quantized", net.random.integers(-127, 128, (4, 1, 3, 3), np.int8)),
        ("weight_zero_point", np.zeros((), np.int8)),
        ("weight_scale", np.full((), 0.01, np.float32)),
        ("bias_shape", np.array([1, 4, 1, 1], np.int64)),
    ]
    net.initializers += [numpy_helper.from_array(array, name) for name, array in constants]
    net.weight("bias", 4)
    outputs = ["x_quantized", "x_scale", "x_zero_point"]
    net.nodes.append(helper.make_node("DynamicQuantizeLinear", ["input"], outputs, "quantize"))
    net.add("Mul", "scales", ["x_scale", "weight_scale"])
    inputs = ["x_quantized", "weight_quantized", "x_zero_point", "weight_zero_point"]
    net.add("ConvInteger", "conv", inputs, pads=[1, 1, 1, 1])
    net.add("Cast", "cast", ["conv_output_0"], to=TensorProto.FLOAT)
    net.add("Mul", "rescale", ["cast_output_0", "scales_output_0"])
    net.add("Reshape", "reshape_bias", ["bias", "bias_shape"])
    net.add("Add", "add_bias", ["rescale_output_0", "reshape_bias_output_0"])
    net.add("Relu", "relu", ["add_bias_output_0"], "output")
    x, y = float_value("input", ["batch", 1, 16, 16]), float_value("output", ["batch", 4, 16, 16])
    return finish(net, "main_graph", x, y)


def external(data_file: Path) -> onnx.ModelProto:
    """Two Gemm layers; the first one's weight and the bias lie in ``data_file``."""
    net = Net(seed=4)
    x = net.add(
        "Gemm", "linear_0", ["input", net.weight("0.weight", 6, 8), net.weight("0.bias", 8)]
    )
    x = net.add("Relu", "relu", [x])
    net.add("Gemm", "linear_1", [x, net.weight("1.weight", 8, 1), net.weight("1.bias", 1)], "score")
    data = b""
    for tensor in net.initializers[:2]:
        raw = tensor.raw_data
        set_external_data(tensor, data_file.name, len(data), len(raw))
        tensor.ClearField("raw_data")
        data += raw
    data_file.write_bytes(data)
    x_info, y_info = float_value("input", ["batch", 6]), float_value("score", ["batch", 1])
    return finish(net, "main_graph", x_info, y_info)


def looping() -> onnx.ModelProto:
    """An If whose branches differ, around a Loop that halves its value eight times."""
    half = helper.make_tensor("half", TensorProto.FLOAT, [], [0.5])
    state = helper.make_tensor_value_info
    loop_body = helper.make_graph(
        [
            helper.make_node("Identity", ["keep_in"], ["keep_out"], "keep"),
            helper.make_node("Mul", ["value_in", "half"], ["value_out"], "halve"),
        ],
        "loop_body",
        [
            state("iteration", TensorProto.INT64, []),
            state("keep_in", TensorProto.BOOL, []),
            float_value("value_in", [1, 4]),
        ],
        [state("keep_out", TensorProto.BOOL, []), float_value("value_out", [1, 4])],
        [half],
    )
    then_branch = helper.make_graph(
        [
            helper.make_node("Constant", [], ["trips"], "trips", value_int=8),
            helper.make_node("Loop", ["trips", "", "input"], ["looped"], "loop", body=loop_body),
        ],
        "then",
        [],
        [float_value("looped", [1, 4])],
    )
    else_branch = helper.make_graph(
        [helper.make_node("Neg", ["input"], ["negated"], "negate")],
        "else",
        [],
        [float_value("negated", [1, 4])],
    )
    net = Net(seed=5)
    net.add("ReduceMax", "peak", ["input"], keepdims=0)
    net.add("Cast", "any", ["peak_output_0"], to=TensorProto.BOOL)
    net.add(
        "If", "choose", ["any_output_0"], "chosen", then_branch=then_branch, else_branch=else_branch
    )
    net.add("Identity", "end", ["chosen"], "output")
    return finish(net, "main_graph", float_value("input", [1, 4]), float_value("output", [1, 4]))


def main(folder: Path = FOLDER) -> None:
    """Write every model to ``folder`` and check each in full."""
    folder.mkdir(parents=True, exist_ok=True)
    models = {
        "saliency_v1.onnx": saliency(resize=False),
        "saliency_v2.onnx": saliency(resize=True),
        "int8.onnx": int8(),
        "external.onnx": external(folder / "external.onnx.data"),
        "looping.onnx": looping(),
    }
    for name, model in models.items():
        path = folder / name
        path.write_bytes(model.SerializeToString(deterministic=True))
        checker.check_model(str(path), full_check=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
