"""The messages of onnx.proto: which fields each has, and how each is written.

Source: onnx.proto of ONNX 1.23 (IR version 14). A field that is not here is unknown to the tool.
"""

from __future__ import annotations

from typing import NamedTuple

from onnxguard.model.wire import I32, I64, LEN, VARINT


class FieldSpec(NamedTuple):
    """A field's name, the wire types that a reader takes for it, and whether it may repeat."""

    name: str
    wire_types: tuple[int, ...]
    repeated: bool


class Message(NamedTuple):
    """A message's name and its fields by number."""

    name: str
    fields: dict[int, FieldSpec]


_KINDS = {"len": LEN, "varint": VARINT, "i32": I32, "i64": I64}


def _message(name: str, **numbered: str) -> Message:
    """``number_name="kind"``; a ``*`` repeats, and a repeated number may be packed."""
    table = {}
    for key, kind in numbered.items():
        number, field = key[1:].split("_", 1)
        repeated = kind.endswith("*")
        wire_type = _KINDS[kind.rstrip("*")]
        wire_types = (wire_type, LEN) if repeated and wire_type != LEN else (wire_type,)
        table[int(number)] = FieldSpec(field, wire_types, repeated)
    return Message(name, table)


MODEL = _message(
    "ModelProto",
    _1_ir_version="varint",
    _2_producer_name="len",
    _3_producer_version="len",
    _4_domain="len",
    _5_model_version="varint",
    _6_doc_string="len",
    _7_graph="len",
    _8_opset_import="len*",
    _14_metadata_props="len*",
    _20_training_info="len*",
    _25_functions="len*",
    _26_configuration="len*",
)
OPSET_IMPORT = _message("OperatorSetIdProto", _1_domain="len", _2_version="varint")
ENTRY = _message("StringStringEntryProto", _1_key="len", _2_value="len")
TRAINING = _message(
    "TrainingInfoProto",
    _1_initialization="len",
    _2_algorithm="len",
    _3_initialization_binding="len*",
    _4_update_binding="len*",
)
FUNCTION = _message(
    "FunctionProto",
    _1_name="len",
    _4_input="len*",
    _5_output="len*",
    _6_attribute="len*",
    _7_node="len*",
    _8_doc_string="len",
    _9_opset_import="len*",
    _10_domain="len",
    _11_attribute_proto="len*",
    _12_value_info="len*",
    _13_overload="len",
    _14_metadata_props="len*",
)
GRAPH = _message(
    "GraphProto",
    _1_node="len*",
    _2_name="len",
    _5_initializer="len*",
    _10_doc_string="len",
    _11_input="len*",
    _12_output="len*",
    _13_value_info="len*",
    _14_quantization_annotation="len*",
    _15_sparse_initializer="len*",
    _16_metadata_props="len*",
)
NODE = _message(
    "NodeProto",
    _1_input="len*",
    _2_output="len*",
    _3_name="len",
    _4_op_type="len",
    _5_attribute="len*",
    _6_doc_string="len",
    _7_domain="len",
    _8_overload="len",
    _9_metadata_props="len*",
    _10_device_configurations="len*",
)
ATTRIBUTE = _message(
    "AttributeProto",
    _1_name="len",
    _2_f="i32",
    _3_i="varint",
    _4_s="len",
    _5_t="len",
    _6_g="len",
    _7_floats="i32*",
    _8_ints="varint*",
    _9_strings="len*",
    _10_tensors="len*",
    _11_graphs="len*",
    _13_doc_string="len",
    _14_tp="len",
    _15_type_protos="len*",
    _20_type="varint",
    _21_ref_attr_name="len",
    _22_sparse_tensor="len",
    _23_sparse_tensors="len*",
)
TENSOR = _message(
    "TensorProto",
    _1_dims="varint*",
    _2_data_type="varint",
    _3_segment="len",
    _4_float_data="i32*",
    _5_int32_data="varint*",
    _6_string_data="len*",
    _7_int64_data="varint*",
    _8_name="len",
    _9_raw_data="len",
    _10_double_data="i64*",
    _11_uint64_data="varint*",
    _12_doc_string="len",
    _13_external_data="len*",
    _14_data_location="varint",
    _16_metadata_props="len*",
)
SEGMENT = _message("TensorProto.Segment", _1_begin="varint", _2_end="varint")
SPARSE_TENSOR = _message("SparseTensorProto", _1_values="len", _2_indices="len", _3_dims="varint*")
VALUE_INFO = _message(
    "ValueInfoProto", _1_name="len", _2_type="len", _3_doc_string="len", _4_metadata_props="len*"
)
TYPE = _message(
    "TypeProto",
    _1_tensor_type="len",
    _4_sequence_type="len",
    _5_map_type="len",
    _6_denotation="len",
    _7_opaque_type="len",
    _8_sparse_tensor_type="len",
    _9_optional_type="len",
)
TENSOR_TYPE = _message("TypeProto.Tensor", _1_elem_type="varint", _2_shape="len")
SEQUENCE_TYPE = _message("TypeProto.Sequence", _1_elem_type="len")
MAP_TYPE = _message("TypeProto.Map", _1_key_type="varint", _2_value_type="len")
OPAQUE_TYPE = _message("TypeProto.Opaque", _1_domain="len", _2_name="len")
TYPES = {
    "tensor_type": TENSOR_TYPE,
    "sequence_type": SEQUENCE_TYPE,
    "map_type": MAP_TYPE,
    "opaque_type": OPAQUE_TYPE,
    "sparse_tensor_type": TENSOR_TYPE,
    "optional_type": SEQUENCE_TYPE,
}
"""What each field of a TypeProto holds, those that are written alike as one message."""
SHAPE = _message("TensorShapeProto", _1_dim="len*")
DIMENSION = _message(
    "TensorShapeProto.Dimension", _1_dim_value="varint", _2_dim_param="len", _3_denotation="len"
)
QUANTIZATION = _message(
    "TensorAnnotation", _1_tensor_name="len", _2_quant_parameter_tensor_names="len*"
)
DEVICE_CONFIGURATION = _message(
    "DeviceConfigurationProto", _1_name="len", _2_num_devices="varint", _3_device="len*"
)
NODE_DEVICE_CONFIGURATION = _message(
    "NodeDeviceConfigurationProto",
    _1_configuration_id="len",
    _2_sharding_spec="len*",
    _3_pipeline_stage="varint",
)
SHARDING_SPEC = _message(
    "ShardingSpecProto",
    _1_tensor_name="len",
    _2_device="varint*",
    _3_index_to_device_group_map="len*",
    _4_sharded_dim="len*",
)
DEVICE_GROUPS = _message("IntIntListEntryProto", _1_key="varint", _2_value="varint*")
SHARDED_DIM = _message("ShardedDimProto", _1_axis="varint", _2_simple_sharding="len*")
SIMPLE_SHARDING = _message(
    "SimpleShardedDimProto", _1_dim_value="varint", _2_dim_param="len", _3_num_shards="varint"
)

DTYPES = {
    0: ("undefined", 0),
    1: ("float32", 32),
    2: ("uint8", 8),
    3: ("int8", 8),
    4: ("uint16", 16),
    5: ("int16", 16),
    6: ("int32", 32),
    7: ("int64", 64),
    8: ("string", 0),
    9: ("bool", 8),
    10: ("float16", 16),
    11: ("float64", 64),
    12: ("uint32", 32),
    13: ("uint64", 64),
    14: ("complex64", 64),
    15: ("complex128", 128),
    16: ("bfloat16", 16),
    17: ("float8e4m3fn", 8),
    18: ("float8e4m3fnuz", 8),
    19: ("float8e5m2", 8),
    20: ("float8e5m2fnuz", 8),
    21: ("uint4", 4),
    22: ("int4", 4),
    23: ("float4e2m1", 4),
    24: ("float8e8m0", 8),
    25: ("uint2", 2),
    26: ("int2", 2),
    27: ("float6e2m3", 6),
    28: ("float6e3m2", 6),
}
"""TensorProto.DataType: name, and bits an element (0 where it has no fixed size)."""


def dtype_name(code: int) -> str:
    """``float32`` for 1; ``dtype 99`` for a code that ONNX does not define."""
    return DTYPES[code][0] if code in DTYPES else f"dtype {code}"
