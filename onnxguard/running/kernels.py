"""What the installed ONNX Runtime runs: its kernels, and the functions that it inlines.

The kernels are the runtime's own list. An operator without a kernel for the types at hand is
replaced by its function body, which ONNX or the runtime defines, if all of that has kernels: this
is tried, a model of one node for each operator, version and combination of types.

Run in a child process (``python -m onnxguard.running.kernels`` prints JSON): where a provider's
libraries are missing, asking for the list takes the process down.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable

CPU = "CPUExecutionProvider"
SECONDS = 600.0
COMBINATIONS = 2048
"""Combinations of types of one operator that are tried at most."""


def read_kernels(python: str = sys.executable) -> dict[str, Any]:
    """What the ONNX Runtime of a Python runs on the CPU.

    Returns:
        ``runtime``: its version. ``kernels``: domain, operator, first and last version (None where
        it is open), and the types by type parameter, each. ``inlined``: the same of functions, by
        the first and the last opset. ``unknown``: definitions that onnx has and it does not.
        ``opsets`` and ``ir_version``: the newest that it loads.

    Raises:
        UsageError: it cannot be asked.
    """
    try:
        done = subprocess.run(
            [python, "-P", "-m", "onnxguard.running.kernels"],
            capture_output=True,
            check=False,
            timeout=SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"ONNX Runtime cannot be asked: {printable(str(error), 200)}") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [b"no message"])[-1]
        hint = "; the GPU packages crash here where CUDA is missing: use the package onnxruntime"
        raise UsageError(
            f"ONNX Runtime's list of kernels cannot be read, the process ended with "
            f"{done.returncode}: {printable(last, 200)}{hint if done.returncode < 0 else ''}"
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _kernels() -> list[list[Any]]:
    from onnxruntime.capi import (  # type: ignore[import-untyped] # it has no stubs
        onnxruntime_pybind11_state as runtime,
    )

    found: list[list[Any]] = []
    for kernel in runtime.get_all_opkernel_def():
        low, high = kernel.version_range
        if kernel.provider == CPU:
            types = {name: list(kinds) for name, kinds in kernel.type_constraints.items()}
            found.append(
                [kernel.domain, kernel.op_name, low, None if high >= 1 << 30 else high, types]
            )
    return found


def _loads(model: bytes) -> bool:
    import onnxruntime  # type: ignore[import-untyped] # it has no stubs

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        onnxruntime.InferenceSession(model, options, providers=[CPU])
    except Exception:  # whatever it says, it does not load
        return False
    return True


def _newest() -> tuple[dict[str, int], int]:
    """The newest opset of each domain and the newest IR version that an empty model may have."""
    from onnx import TensorProto, defs, helper

    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])

    def model(domain: str, version: int, ir_version: int) -> bytes:
        nodes = [helper.make_node("Identity", ["x"], ["y"])]
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
        imports = [helper.make_opsetid(domain, version)]
        if domain:
            imports.append(helper.make_opsetid("", 13))
        made = helper.make_model(helper.make_graph(nodes, "g", [value], [y]), opset_imports=imports)
        made.ir_version = ir_version
        return bytes(made.SerializeToString())

    opsets = {}
    for domain in ("", "ai.onnx.ml"):
        most = defs.onnx_opset_version() + 8 if not domain else 12
        taken = [version for version in range(1, most) if _loads(model(domain, version, 8))]
        opsets[domain or "ai.onnx"] = max(taken)
    ir_versions = [version for version in range(3, 40) if _loads(model("", 13, version))]
    return opsets, max(ir_versions)


def _unknown(newest: dict[str, int]) -> list[list[Any]]:
    """The definitions that onnx has and the runtime does not, and what is new in them.

    Domain, operator, the version that stands in its place, its own, and the attributes that no
    model for the runtime can have.
    """
    from onnx import defs
    from onnxruntime.capi import onnxruntime_pybind11_state as runtime

    known: dict[tuple[str, str], dict[int, Any]] = {}
    for schema in runtime.get_all_operator_schema():
        known.setdefault((schema.domain, schema.name), {})[schema.since_version] = schema
    found: list[list[Any]] = []
    for schema in defs.get_all_schemas_with_history():
        own = known.get((schema.domain, schema.name), {})
        since = schema.since_version
        earlier = [version for version in own if version < since]
        if since in own or not earlier or since > newest.get(schema.domain or "ai.onnx", 0):
            continue
        attributes = sorted(set(schema.attributes) - set(own[max(earlier)].attributes))
        found.append([schema.domain, schema.name, max(earlier), since, attributes])
    return found


def _inlined(kernels: list[list[Any]], newest: dict[str, int]) -> list[list[Any]]:
    """Try the functions of the standard, at each version that (re)defined them."""
    from onnx import defs

    found: list[list[Any]] = []
    schemas: Any = defs.get_all_schemas_with_history()
    for schema in schemas:
        body = schema.has_function or schema.has_context_dependent_function
        latest = newest.get(schema.domain or "ai.onnx", 0)
        if body and not schema.deprecated and schema.since_version <= latest:
            found += _tried(schema, kernels, latest)
    return found


def _tried(schema: Any, kernels: list[list[Any]], latest: int) -> list[list[Any]]:
    """The combinations of types with which a function is loaded and no kernel takes it.

    A body is written for the opset that the model imports: each of them is tried, up to the next
    definition, as long as it goes well.
    """
    from onnx import defs

    formals = [*schema.inputs, *schema.outputs]
    constraints = {each.type_param_str: each.allowed_type_strs for each in schema.type_constraints}
    names = sorted({each.type_str for each in formals} & constraints.keys())
    later = [
        each.since_version
        for each in defs.get_all_schemas_with_history()
        if (each.domain, each.name) == (schema.domain, schema.name)
        and each.since_version > schema.since_version
    ]
    last = min([latest, *(version - 1 for version in later)])
    combinations = itertools.product(*(constraints[name] for name in names))
    runs: list[list[Any]] = []
    for kinds in itertools.islice(combinations, COMBINATIONS):
        types = dict(zip(names, kinds, strict=True))
        if _has_kernel(schema, types, kernels):
            continue
        opset = schema.since_version
        while opset <= last and any(map(_loads, _models(schema, types, opset, latest))):
            opset += 1
        if opset > schema.since_version:
            one = {name: [kind] for name, kind in types.items()}
            versions = schema.since_version, opset - 1
            runs.append([schema.domain, schema.name, *versions, one])
    return runs


def _has_kernel(schema: Any, types: dict[str, str], kernels: list[list[Any]]) -> bool:
    for domain, name, low, high, taken in kernels:
        if (domain, name) != (schema.domain, schema.name):
            continue
        since = schema.since_version
        if (low == since or (high is not None and low < since <= high)) and all(
            types[parameter] in kinds for parameter, kinds in taken.items() if parameter in types
        ):
            return True
    return False


def _models(schema: Any, types: dict[str, str], opset: int, latest: int) -> Iterator[bytes]:
    """Models of the one node: with every input, and with those alone that must be there.

    Some bodies are written where the shapes are known: three and four dimensions of one are tried.
    """
    from onnx import defs, helper

    parameter = defs.OpSchema.FormalParameterOption
    for whole, rank in itertools.product((True, False), (None, 3, 4)):
        kinds = [
            types.get(formal.type_str, formal.type_str)
            for formal in schema.inputs
            if whole or formal.option != parameter.Optional
        ]
        made = [_type(kind, rank) for kind in kinds]
        attributes = _attributes(schema, kinds)
        if None in made or attributes is None:
            return
        inputs = [helper.make_value_info(f"i{at}", each) for at, each in enumerate(made)]
        outputs = [
            helper.make_value_info(f"o{at}", _type(types.get(each.type_str, each.type_str), None))
            for at, each in enumerate(schema.outputs)
            if whole or each.option != parameter.Optional
        ]
        names = [value.name for value in inputs], [value.name for value in outputs]
        node = helper.make_node(schema.name, *names, domain=schema.domain, **attributes)
        imports = [helper.make_opsetid(schema.domain, opset)]
        if schema.domain:
            imports.append(helper.make_opsetid("", latest))
        graph = helper.make_graph([node], "g", inputs, outputs)
        model = helper.make_model(graph, opset_imports=imports)
        model.ir_version = 8
        yield model.SerializeToString()


def _attributes(schema: Any, kinds: list[str]) -> dict[str, Any] | None:
    """The attributes without which a node is not valid; None where no value is known for one."""
    values = {"INT": 1, "INTS": [1], "FLOAT": 1.0, "FLOATS": [1.0], "STRING": "a"}
    found: dict[str, Any] = {}
    for name, attribute in schema.attributes.items():
        if attribute.required and attribute.type.name == "GRAPH":
            found[name] = _first_of(kinds)
        elif attribute.required:
            if attribute.type.name not in values:
                return None
            found[name] = values[attribute.type.name]
    return found


def _first_of(kinds: list[str]) -> Any:
    """A graph that returns the first of what it is given, an element of each sequence."""
    from onnx import helper

    elements = [_type(kind[4:-1] if kind.startswith("seq(") else kind, None) for kind in kinds]
    values = [helper.make_value_info(f"x{at}", element) for at, element in enumerate(elements)]
    same = helper.make_node("Identity", ["x0"], ["y"])
    return helper.make_graph([same], "g", values, [helper.make_value_info("y", elements[0])])


def _type(kind: str, rank: int | None) -> Any:
    """The TypeProto of a tensor of so many dimensions of one, or of a sequence; None of others."""
    from onnx import TensorProto, helper

    if kind.startswith("seq("):
        inner = _type(kind[4:-1], rank)
        return None if inner is None else helper.make_sequence_type_proto(inner)
    if not kind.startswith("tensor("):
        return None
    code = getattr(TensorProto, kind[7:-1].upper(), None)
    shape = None if rank is None else [1] * rank
    return None if code is None else helper.make_tensor_type_proto(code, shape)


def _main() -> None:
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    kernels = _kernels()
    opsets, ir_version = _newest()
    found = {
        "runtime": onnxruntime.__version__,
        "kernels": kernels,
        "inlined": _inlined(kernels, opsets),
        "unknown": _unknown(opsets),
        "opsets": opsets,
        "ir_version": ir_version,
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    _main()
