"""The standard operators of ONNX. Generated; do not edit.

By tools/update_standard_operators.py from onnx 1.23.2. For each domain and operator, its
versions, oldest first: (since_version, inputs, attributes and defaults, deprecated).
Read it through onnxguard.model.standard.
"""

# fmt: off
# ruff: noqa: E501

from __future__ import annotations

from typing import Final

Default = str | int | float | tuple[str, ...] | tuple[int, ...] | tuple[float, ...] | None
Version = tuple[int, str, tuple[tuple[str, Default], ...], bool]

OPERATORS: Final[dict[str, dict[str, tuple[Version, ...]]]] = {
    'ai.onnx': {
        'Abs': (
            (1, 'X', (('consumed_inputs', None),), False),
            (6, 'X', (), False),
            (13, 'X', (), False),
        ),
        'Acos': (
            (7, 'input', (), False),
            (22, 'input', (), False),
        ),
        'Acosh': (
            (9, 'input', (), False),
            (22, 'input', (), False),
        ),
        'Add': (
            (1, 'A B', (('axis', None), ('broadcast', 0), ('consumed_inputs', None)), False),
            (6, 'A B', (('axis', None), ('broadcast', 0)), False),
            (7, 'A B', (), False),
            (13, 'A B', (), False),
            (14, 'A B', (), False),
        ),
        'AffineGrid': (
            (20, 'theta size', (('align_corners', 0),), False),
        ),
        'And': (
            (1, 'A B', (('axis', None), ('broadcast', 0)), False),
            (7, 'A B', (), False),
        ),
        'ArgMax': (
            (1, 'data', (('axis', 0), ('keepdims', 1)), False),
            (11, 'data', (('axis', 0), ('keepdims', 1)), False),
            (12, 'data', (('axis', 0), ('keepdims', 1), ('select_last_index', 0)), False),
            (13, 'data', (('axis', 0), ('keepdims', 1), ('select_last_index', 0)), False),
        ),
        'ArgMin': (
            (1, 'data', (('axis', 0), ('keepdims', 1)), False),
            (11, 'data', (('axis', 0), ('keepdims', 1)), False),
            (12, 'data', (('axis', 0), ('keepdims', 1), ('select_last_index', 0)), False),
            (13, 'data', (('axis', 0), ('keepdims', 1), ('select_last_index', 0)), False),
        ),
        'Asin': (
            (7, 'input', (), False),
            (22, 'input', (), False),
        ),
        'Asinh': (
            (9, 'input', (), False),
            (22, 'input', (), False),
        ),
        'Atan': (
            (7, 'input', (), False),
            (22, 'input', (), False),
        ),
        'Atanh': (
            (9, 'input', (), False),
            (22, 'input', (), False),
        ),
        'Attention': (
            (23, 'Q K V attn_mask past_key past_value', (('is_causal', 0), ('kv_num_heads', None), ('q_num_heads', None), ('qk_matmul_output_mode', 0), ('scale', None), ('softcap', 0.0), ('softmax_precision', None)), False),
            (24, 'Q K V attn_mask past_key past_value nonpad_kv_seqlen', (('is_causal', 0), ('kv_num_heads', None), ('q_num_heads', None), ('qk_matmul_output_mode', 0), ('scale', None), ('softcap', 0.0), ('softmax_precision', None)), False),
            (25, 'Q K V attn_mask past_key past_value nonpad_kv_seqlen', (('is_causal', 0), ('kv_num_heads', None), ('left_window_size', -1), ('q_num_heads', None), ('qk_matmul_output_mode', 0), ('right_window_size', -1), ('scale', None), ('softcap', 0.0), ('softmax_precision', None)), False),
        ),
        'AveragePool': (
            (1, 'X', (('auto_pad', 'NOTSET'), ('kernel_shape', None), ('pads', None), ('strides', None)), False),
            (7, 'X', (('auto_pad', 'NOTSET'), ('count_include_pad', 0), ('kernel_shape', None), ('pads', None), ('strides', None)), False),
            (10, 'X', (('auto_pad', 'NOTSET'), ('ceil_mode', 0), ('count_include_pad', 0), ('kernel_shape', None), ('pads', None), ('strides', None)), False),
            (11, 'X', (('auto_pad', 'NOTSET'), ('ceil_mode', 0), ('count_include_pad', 0), ('kernel_shape', None), ('pads', None), ('strides', None)), False),
            (19, 'X', (('auto_pad', 'NOTSET'), ('ceil_mode', 0), ('count_include_pad', 0), ('dilations', None), ('kernel_shape', None), ('pads', None), ('strides', None)), False),
            (22, 'X', (('auto_pad', 'NOTSET'), ('ceil_mode', 0), ('count_include_pad', 0), ('dilations', None), ('kernel_shape', None), ('pads', None), ('strides', None)), False),
        ),
        'BatchNormalization': (
            (1, 'X scale B mean var', (('consumed_inputs', None), ('epsilon', 9.999999747378752e-06), ('is_test', 0), ('momentum', 0.8999999761581421), ('spatial', 1)), False),
            (6, 'X scale B mean var', (('epsilon', 9.999999747378752e-06), ('is_test', 0), ('momentum', 0.8999999761581421), ('spatial', 1)), False),
            (7, 'X scale B mean var', (('epsilon', 9.999999747378752e-06), ('momentum', 0.8999999761581421), ('spatial', 1)), False),
            (9, 'X scale B mean var', (('epsilon', 9.999999747378752e-06), ('momentum', 0.8999999761581421)), False),
            (14, 'X scale B input_mean input_var', (('epsilon', 9.999999747378752e-06), ('momentum', 0.8999999761581421), ('training_mode', 0)), False),
            (15, 'X scale B input_mean input_var', (('epsilon', 9.999999747378752e-06), ('momentum', 0.8999999761581421), ('training_mode', 0)), False),
        ),
        'Bernoulli': (
            (15, 'input', (('dtype', None), ('seed', None)), False),
            (22, 'input', (('dtype', None), ('seed', None)), False),
        ),
        'BitCast': (
            (26, 'input', (('to', None),), False),
        ),
        'BitShift': (
            (11, 'X Y', (('direction', None),), False),
            (28, 'X Y', (('direction', None),), False),
        ),
        'BitwiseAnd': (
            (18, 'A B', (), False),
        ),
        'BitwiseNot': (
            (18, 'X', (), False),
        ),
        'BitwiseOr': (
            (18, 'A B', (), False),
        ),
        'BitwiseXor': (
            (18, 'A B', (), False),
        ),
        'BlackmanWindow': (
            (17, 'size', (('output_datatype', 1), ('periodic', 1)), False),
        ),
        'Cast': (
            (1, 'input', (('to', None),), False),
            (6, 'input', (('to', None),), False),
            (9, 'input', (('to', None),), False),
            (13, 'input', (('to', None),), False),
            (19, 'input', (('saturate', 1), ('to', None)), False),
            (21, 'input', (('saturate', 1), ('to', None)), False),
            (23, 'input', (('saturate', 1), ('to', None)), False),
            (24, 'input', (('round_mode', 'up'), ('saturate', 1), ('to', None)), False),
            (25, 'input', (('round_mode', 'up'), ('saturate', 1), ('to', None)), False),
            (28, 'input', (('round_mode', 'up'), ('saturate', 1), ('to', None)), False),
        ),
        'CastLike': (
            (15, 'input target_type', (), False),
            (19, 'input target_type', (('saturate', 1),), False),
            (21, 'input target_type', (('saturate', 1),), False),
            (23, 'input target_type', (('saturate', 1),), False),
            (24, 'input target_type', (('round_mode', 'up'), ('saturate', 1)), False),
            (25, 'input target_type', (('round_mode', 'up'), ('saturate', 1)), False),
        ),
        'CausalConvWithState': (
            (27, 'input weight bias past_state', (('activation', 'none'),), False),
        ),
        'Ceil': (
            (1, 'X', (('consumed_inputs', None),), False),
            (6, 'X', (), False),
            (13, 'X', (), False),
        ),
        'Celu': (
            (12, 'X', (('alpha', 1.0),), False),
            (28, 'X', (('alpha', 1.0),), False),
        ),
        'CenterCropPad': (
            (18, 'input_data shape', (('axes', None),), False),
        ),
        'Clip': (
            (1, 'input', (('consumed_inputs', None), ('max', None), ('min', None)), False),
            (6, 'input', (('max', 3.4028234663852886e+38), ('min', -3.4028234663852886e+38)), False),
            (11, 'input min max', (), False),
            (12, 'input min max', (), False),
            (13, 'input min max', (), False),
        ),
        'Col2Im': (
            (18, 'input image_shape block_shape', (('dilations', None), ('pads', None), ('strides', None)), False),
        ),
        'Compress': (
            (9, 'input condition', (('axis', None),), False),
            (11, 'input condition', (('axis', None),), False),
            (28, 'input condition', (('axis', None),), False),
        ),
        'Concat': (
            (1, 'inputs', (('axis', None),), False),
            (4, 'inputs', (('axis', None),), False),
            (11, 'inputs', (('axis', None),), False),
            (13, 'inputs', (('axis', None),), False),
        ),
        'ConcatFromSequence': (
            (11, 'input_sequence', (('axis', None), ('new_axis', 0)), False),
        ),
        'Constant': (
            (1, '', (('value', None),), False),
            (9, '', (('value', None),), False),
            (11, '', (('sparse_value', None), ('value', None)), False),
            (12, '', (('sparse_value', None), ('value', None), ('value_float', None), ('value_floats', None), ('value_int', None), ('value_ints', None), ('value_string', None), ('value_strings', None)), False),
            (13, '', (('sparse_value', None), ('value', None), ('value_float', None), ('value_floats', None), ('value_int', None), ('value_ints', None), ('value_string', None), ('value_strings', None)), False),
            (19, '', (('sparse_value', None), ('value', None), ('value_float', None), ('value_floats', None), ('value_int', None), ('value_ints', None), ('value_string', None), ('value_strings', None)), False),
            (21, '', (('sparse_value', None), ('value', None), ('value_float', None), ('value_floats', None), ('value_int', None), ('value_ints', None), ('value_string', None), ('value_strings', None)), False),
            (23, '', (('sparse_value', None), ('value', None), ('value_float', None), ('value_floats', None), ('value_int', None), ('value_ints', None), ('value_string', None), ('value_strings', None)), False),
            (24, '', (('sparse_value', None), ('value', None), ('value_float', None), ('value_floats', None), ('value_int', None), ('value_ints', None), ('value_string', None), ('value_strings', None)), False),
            (25, '', (('sparse_value', None), ('value', None), ('value_float', None), ('value_floats', None), ('value_int', None), ('value_ints', None), ('value_string', None), ('value_strings', None)), False),
        ),
        'ConstantOfShape': (
            (9, 'input', (('value', None),), False),
            (20, 'input', (('value', None),), False),
            (21, 'input', (('value', None),), False),
            (23, 'input', (('value', None),), False),
            (24, 'input', (('value', None),), False),
            (25, 'input', (('value', None),), False),
        ),
        'Conv': (
            (1, 'X W B', (('auto_pad', 'NOTSET'), ('dilations', None), ('group', 1), ('kernel_shape', None), ('pads', None), ('strides', None)), False),
            (11, 'X W B', (('auto_pad', 'NOTSET'), ('dilations', None), ('group', 1), ('kernel_shape', None), ('pads', None), ('strides', None)), False),
            (22, 'X W B', (('auto_pad', 'NOTSET'), ('dilations', None), ('group', 1), ('kernel_shape', None), ('pads', None), ('strides', None)), False),
        ),
        'ConvInteger': (
            (10, 'x w x_zero_point w_zero_point', (('auto_pad', 'NOTSET'), ('dilations', None), ('group', 1), ('kernel_shape', None), ('pads', None), ('strides', None)), False),
        ),
        'ConvTranspose': (
            (1, 'X W B', (('auto_pad', 'NOTSET'), ('dilations', None), ('group', 1), ('kernel_shape', None), ('output_padding', None), ('output_shape', None), ('pads', None), ('strides', None)), False),
            (11, 'X W B', (('auto_pad', 'NOTSET'), ('dilations', None), ('group', 1), ('kernel_shape', None), ('output_padding', None), ('output_shape', None), ('pads', None), ('strides', None)), False),
            (22, 'X W B', (('auto_pad', 'NOTSET'), ('dilations', None), ('group', 1), ('kernel_shape', None), ('output_padding', None), ('output_shape', None), ('pads', None), ('strides', None)), False),
        ),
        'Cos': (
            (7, 'input', (), False),
            (22, 'input', (), False),
        ),
        'Cosh': (
            (9, 'input', (), False),
            (22, 'input', (), False),
        ),
        'CumProd': (
            (26, 'x axis', (('exclusive', 0), ('reverse', 0)), False),
        ),
        'CumSum': (
            (11, 'x axis', (('exclusive', 0), ('reverse', 0)), False),
            (14, 'x axis', (('exclusive', 0), ('reverse', 0)), False),
        ),
        'DFT': (
            (17, 'input dft_length', (('axis', 1), ('inverse', 0), ('onesided', 0)), False),
            (20, 'input dft_length axis', (('inverse', 0), ('onesided', 0)), False),
        ),
        'DeformConv': (
            (19, 'X W offset B mask', (('dilations', None), ('group', 1), ('kernel_shape', None), ('offset_group', 1), ('pads', None), ('strides', None)), False),
            (22, 'X W offset B mask', (('dilations', None), ('group', 1), ('kernel_shape', None), ('offset_group', 1), ('pads', None), ('strides', None)), False),
        ),
        'DepthToSpace': (
            (1, 'input', (('blocksize', None),), False),
            (11, 'input', (('blocksize', None), ('mode', 'DCR')), False),
            (13, 'input', (('blocksize', None), ('mode', 'DCR')), False),
            (28, 'input', (('blocksize', None), ('mode', 'DCR')), False),
        ),
        'DequantizeLinear': (
            (10, 'x x_scale x_zero_point', (), False),
            (13, 'x x_scale x_zero_point', (('axis', 1),), False),
            (19, 'x x_scale x_zero_point', (('axis', 1),), False),
            (21, 'x x_scale x_zero_point', (('axis', 1), ('block_size', 0)), False),
            (23, 'x x_scale x_zero_point', (('axis', 1), ('block_size', 0), ('output_dtype', 0)), False),
            (24, 'x x_scale x_zero_point', (('axis', 1), ('block_size', 0), ('output_dtype', 0)), False),
            (25, 'x x_scale x_zero_point', (('axis', 1), ('block_size', 0), ('output_dtype', 0)), False),
            (28, 'x x_scale x_zero_point', (('axis', 1), ('block_size', 0), ('output_dtype', 0)), False),
        ),
        'Det': (
            (11, 'X', (), False),
            (22, 'X', (), False),
        ),
        'Div': (
            (1, 'A B', (('axis', None), ('broadcast', 0), ('consumed_inputs', None)), False),
            (6, 'A B', (('axis', None), ('broadcast', 0)), False),
            (7, 'A B', (), False),
            (13, 'A B', (), False),
            (14, 'A B', (), False),
        ),
        'Dropout': (
            (1, 'data', (('consumed_inputs', None), ('is_test', 0), ('ratio', 0.5)), False),
            (6, 'data', (('is_test', 0), ('ratio', 0.5)), False),
            (7, 'data', (('ratio', 0.5),), False),
            (10, 'data', (('ratio', 0.5),), False),
            (12, 'data ratio training_mode', (('seed', None),), False),
            (13, 'data ratio training_mode', (('seed', None),), False),
            (22, 'data ratio training_mode', (('seed', None),), False),
        ),
        'DynamicQuantizeLinear': (
            (11, 'x', (), False),
        ),
        'Einsum': (
            (12, 'Inputs', (('equation', None),), False),
            (28, 'Inputs', (('equation', None),), False),
        ),
        'Elu': (
            (1, 'X', (('alpha', 1.0), ('consumed_inputs', None)), False),
            (6, 'X', (('alpha', 1.0),), False),
            (22, 'X', (('alpha', 1.0),), False),
        ),
        'Equal': (
            (1, 'A B', (('axis', None), ('broadcast', 0)), False),
            (7, 'A B', (), False),
            (11, 'A B', (), False),
            (13, 'A B', (), False),
            (19, 'A B', (), False),
        ),
        'Erf': (
            (9, 'input', (), False),
            (13, 'input', (), False),
        ),
        'Exp': (
            (1, 'input', (('consumed_inputs', None),), False),
            (6, 'input', (), False),
            (13, 'input', (), False),
        ),
        'Expand': (
            (8, 'input shape', (), False),
            (13, 'input shape', (), False),
        ),
        'EyeLike': (
            (9, 'input', (('dtype', None), ('k', 0)), False),
            (22, 'input', (('dtype', None), ('k', 0)), False),
        ),
        'Flatten': (
            (1, 'input', (('axis', 1),), False),
            (9, 'input', (('axis', 1),), False),
            (11, 'input', (('axis', 1),), False),
            (13, 'input', (('axis', 1),), False),
            (21, 'input', (('axis', 1),), False),
            (23, 'input', (('axis', 1),), False),
            (24, 'input', (('axis', 1),), False),
            (25, 'input', (('axis', 1),), False),
        ),
        'Floor': (
            (1, 'X', (('consumed_inputs', None),), False),
            (6, 'X', (), False),
            (13, 'X', (), False),
        ),
        'GRU': (
            (1, 'X W R B sequence_lens initial_h', (('activation_alpha', None), ('activation_beta', None), ('activations', None), ('clip', None), ('direction', 'foward'), ('hidden_size', None), ('output_sequence', 0)), False),
            (3, 'X W R B sequence_lens initial_h', (('activation_alpha', None), ('activation_beta', None), ('activations', None), ('clip', None), ('direction', 'forward'), ('hidden_size', None), ('linear_before_reset', 0), ('output_sequence', 0)), False),
            (7, 'X W R B sequence_lens initial_h', (('activation_alpha', None), ('activation_beta', None), ('activations', None), ('clip', None), ('direction', 'forward'), ('hidden_size', None), ('linear_before_reset', 0)), False),
            (14, 'X W R B sequence_lens initial_h', (('activation_alpha', None), ('activation_beta', None), ('activations', None), ('clip', None), ('direction', 'forward'), ('hidden_size', None), ('layout', 0), ('linear_before_reset', 0)), False),
            (22, 'X W R B sequence_lens initial_h', (('activation_alpha', None), ('activation_beta', None), ('activations', None), ('clip', None), ('direction', 'forward'), ('hidden_size', None), ('layout', 0), ('linear_before_reset', 0)), False),
        ),
        'Gather': (
            (1, 'data indices', (('axis', 0),), False),
            (11, 'data indices', (('axis', 0),), False),
            (13, 'data indices', (('axis', 0),), False),
        ),
        'GatherElements': (
            (11, 'data indices', (('axis', 0),), False),
            (13, 'data indices', (('axis', 0),), False),
        ),
        'GatherND': (
            (11, 'data indices', (), False),
            (12, 'data indices', (('batch_dims', 0),), False),
            (13, 'data indices', (('batch_dims', 0),), False),
        ),
        'Gelu': (
            (20, 'X', (('approximate', 'none'),), False),
        ),
        'Gemm': (
            (1, 'A B C', (('alpha', 1.0), ('beta', 1.0), ('broadcast', 0), ('transA', 0), ('transB', 0)), False),
            (6, 'A B C', (('alpha', 1.0), ('beta', 1.0), ('broadcast', 0), ('transA', 0), ('transB', 0)), False),
            (7, 'A B C', (('alpha', 1.0), ('beta', 1.0), ('transA', 0), ('transB', 0)), False),
            (9, 'A B C', (('alpha', 1.0), ('beta', 1.0), ('transA', 0), ('transB', 0)), False),
            (11, 'A B C', (('alpha', 1.0), ('beta', 1.0), ('transA', 0), ('transB', 0)), False),
            (13, 'A B C', (('alpha', 1.0), ('beta', 1.0), ('transA', 0), ('transB', 0)), False),
        ),
        'GlobalAveragePool': (
            (1, 'X', (), False),
            (22, 'X', (), False),
        ),
        'GlobalLpPool': (
            (1, 'X', (('p', 2.0),), False),
            (2, 'X', (('p', 2),), False),
            (22, 'X', (('p', 2),), False),
        ),
        'GlobalMaxPool': (
            (1, 'X', (), False),
            (22, 'X', (), False),
        ),
        'Greater': (
            (1, 'A B', (('axis', None), ('broadcast', 0)), False),
            (7, 'A B', (), False),
            (9, 'A B', (), False),
            (13, 'A B', (), False),
        ),
        'GreaterOrEqual': (
            (12, 'A B', (), False),
            (16, 'A B', (), False),
        ),
        'GridSample': (
            (16, 'X grid', (('align_corners', 0), ('mode', 'bilinear'), ('padding_mode', 'zeros')), False),
            (20, 'X grid', (('align_corners', 0), ('mode', 'linear'), ('padding_mode', 'zeros')), False),
            (22, 'X grid', (('align_corners', 0), ('mode', 'linear'), ('padding_mode', 'zeros')), False),
        ),
        'GroupNormalization': (
            (18, 'X scale bias', (('epsilon', 9.999999747378752e-06), ('num_groups', None)), True),
            (21, 'X scale bias', (('epsilon', 9.999999747378752e-06), ('num_groups', None), ('stash_type', 1)), False),
        ),
        'HammingWindow': (
            (17, 'size', (('output_datatype', 1), ('periodic', 1)), False),
        ),
        'HannWindow': (
            (17, 'size', (('output_datatype', 1), ('periodic', 1)), False),
        ),
        'HardSigmoid': (
            (1, 'X', (('alpha', 0.20000000298023224), ('beta', 0.5), ('consumed_inputs', None)), False),
            (6, 'X', (('alpha', 0.20000000298023224), ('beta', 0.5)), False),
            (22, 'X', (('alpha', 0.20000000298023224), ('beta', 0.5)), False),
        ),
        'HardSwish': (
            (14, 'X', (), False),
            (22, 'X', (), False),
        ),
        'Hardmax': (
            (1, 'input', (('axis', 1),), False),
            (11, 'input', (('axis', 1),), False),
            (13, 'input', (('axis', -1),), False),
        ),
        'Identity': (
            (1, 'input', (), False),
            (13, 'input', (), False),
            (14, 'input', (), False),
            (16, 'input', (), False),
            (19, 'input', (), False),
            (21, 'input', (), False),
            (23, 'input', (), False),
            (24, 'input', (), False),
            (25, 'input', (), False),
        ),
        'If': (
            (1, 'cond', (('else_branch', None), ('then_branch', None)), False),
            (11, 'cond', (('else_branch', None), ('then_branch', None)), False),
            (13, 'cond', (('else_branch', None), ('then_branch', None)), False),
            (16, 'cond', (('else_branch', None), ('then_branch', None)), False),
            (19, 'cond', (('else_branch', None), ('then_branch', None)), False),
            (21, 'cond', (('else_branch', None), ('then_branch', None)), False),
            (23, 'cond', (('else_branch', None), ('then_branch', None)), False),
            (24, 'cond', (('else_branch', None), ('then_branch', None)), False),
            (25, 'cond', (('else_branch', None), ('then_branch', None)), False),
        ),
        'ImageDecoder': (
            (20, 'encoded_stream', (('pixel_format', 'RGB'),), False),
        ),
        'InstanceNormalization': (
            (1, 'input scale B', (('consumed_inputs', None), ('epsilon', 9.999999747378752e-06)), False),
            (6, 'input scale B', (('epsilon', 9.999999747378752e-06),), False),
            (22, 'input scale B', (('epsilon', 9.999999747378752e-06),), False),
        ),
        'IsInf': (
            (10, 'X', (('detect_negative', 1), ('detect_positive', 1)), False),
            (20, 'X', (('detect_negative', 1), ('detect_positive', 1)), False),
        ),
        'IsNaN': (
            (9, 'X', (), False),
            (13, 'X', (), False),
            (20, 'X', (), False),
        ),
        'LRN': (
            (1, 'X', (('alpha', 9.999999747378752e-05), ('beta', 0.75), ('bias', 1.0), ('size', None)), False),
            (13, 'X', (('alpha', 9.999999747378752e-05), ('beta', 0.75), ('bias', 1.0), ('size', None)), False),
        ),
        'LSTM': (
            (1, 'X W R B sequence_lens initial_h initial_c P', (('activation_alpha', None), ('activation_beta', None), ('activations', None), ('clip', None), ('direction', 'forward'), ('hidden_size', None), ('input_forget', 0), ('output_sequence', 0)), False),
            (7, 'X W R B sequence_lens initial_h initial_c P', (('activation_alpha', None), ('activation_beta', None), ('activations', None), ('clip', None), ('direction', 'forward'), ('hidden_size', None), ('input_forget', 0)), False),
            (14, 'X W R B sequence_lens initial_h initial_c P', (('activation_alpha', None), ('activation_beta', None), ('activations', None), ('clip', None), ('direction', 'forward'), ('hidden_size', None), ('input_forget', 0), ('layout', 0)), False),
            (22, 'X W R B sequence_lens initial_h initial_c P', (('activation_alpha', None), ('activation_beta', None), ('activations', None), ('clip', None), ('direction', 'forward'), ('hidden_size', None), ('input_forget', 0), ('layout', 0)), False),
        ),
        'LayerNormalization': (
            (17, 'X Scale B', (('axis', -1), ('epsilon', 9.999999747378752e-06), ('stash_type', 1)), False),
        ),
        'LeakyRelu': (
            (1, 'X', (('alpha', 0.009999999776482582), ('consumed_inputs', None)), False),
            (6, 'X', (('alpha', 0.009999999776482582),), False),
            (16, 'X', (('alpha', 0.009999999776482582),), False),
        ),
        'Less': (
            (1, 'A B', (('axis', None), ('broadcast', 0)), False),
            (7, 'A B', (), False),
            (9, 'A B', (), False),
            (13, 'A B', (), False),
        ),
        'LessOrEqual': (
            (12, 'A B', (), False),
            (16, 'A B', (), False),
        ),
        'LinearAttention': (
            (27, 'query key value past_state decay beta', (('chunk_size', 64), ('kv_num_heads', None), ('q_num_heads', None), ('scale', 0.0), ('update_rule', 'gated_delta')), False),
        ),
        'Log': (
            (1, 'input', (('consumed_inputs', None),), False),
            (6, 'input', (), False),
            (13, 'input', (), False),
        ),
        'LogSoftmax': (
            (1, 'input', (('axis', 1),), False),
            (11, 'input', (('axis', 1),), False),
            (13, 'input', (('axis', -1),), False),
        ),
        'Loop': (
            (1, 'M cond v_initial', (('body', None),), False),
            (11, 'M cond v_initial', (('body', None),), False),
            (13, 'M cond v_initial', (('body', None),), False),
            (16, 'M cond v_initial', (('body', None),), False),
            (19, 'M cond v_initial', (('body', None),), False),
            (21, 'M cond v_initial', (('body', None),), False),
            (23, 'M cond v_initial', (('body', None),), False),
            (24, 'M cond v_initial', (('body', None),), False),
            (25, 'M cond v_initial', (('body', None),), False),
        ),
        'LpNormalization': (
            (1, 'input', (('axis', -1), ('p', 2)), False),
            (22, 'input', (('axis', -1), ('p', 2)), False),
        ),
        'LpPool': (
            (1, 'X', (('auto_pad', 'NOTSET'), ('kernel_shape', None), ('p', 2.0), ('pads', None), ('strides', None)), False),
            (2, 'X', (('auto_pad', 'NOTSET'), ('kernel_shape', None), ('p', 2), ('pads', None), ('strides', None)), False),
            (11, 'X', (('auto_pad', 'NOTSET'), ('kernel_shape', None), ('p', 2), ('pads', None), ('strides', None)), False),
            (18, 'X', (('auto_pad', 'NOTSET'), ('ceil_mode', 0), ('dilations', None), ('kernel_shape', None), ('p', 2), ('pads', None), ('strides', None)), False),
            (22, 'X', (('auto_pad', 'NOTSET'), ('ceil_mode', 0), ('dilations', None), ('kernel_shape', None), ('p', 2), ('pads', None), ('strides', None)), False),
        ),
        'MatMul': (
            (1, 'A B', (), False),
            (9, 'A B', (), False),
            (13, 'A B', (), False),
        ),
        'MatMulInteger': (
            (10, 'A B a_zero_point b_zero_point', (), False),
        ),
        'Max': (
            (1, 'data_0', (('consumed_inputs', None),), False),
            (6, 'data_0', (), False),
            (8, 'data_0', (), False),
            (12, 'data_0', (), False),
            (13, 'data_0', (), False),
        ),
        'MaxPool': (
            (1, 'X', (('auto_pad', 'NOTSET'), ('kernel_shape', None), ('pads', None), ('strides', None)), False),
            (8, 'X', (('auto_pad', 'NOTSET'), ('kernel_shape', None), ('pads', None), ('storage_order', 0), ('strides', None)), False),
            (10, 'X', (('auto_pad', 'NOTSET'), ('ceil_mode', 0), ('dilations', None), ('kernel_shape', None), ('pads', None), ('storage_order', 0), ('strides', None)), False),
            (11, 'X', (('auto_pad', 'NOTSET'), ('ceil_mode', 0), ('dilations', None), ('kernel_shape', None), ('pads', None), ('storage_order', 0), ('strides', None)), False),
            (12, 'X', (('auto_pad', 'NOTSET'), ('ceil_mode', 0), ('dilations', None), ('kernel_shape', None), ('pads', None), ('storage_order', 0), ('strides', None)), False),
            (22, 'X', (('auto_pad', 'NOTSET'), ('ceil_mode', 0), ('dilations', None), ('kernel_shape', None), ('pads', None), ('storage_order', 0), ('strides', None)), False),
        ),
        'MaxRoiPool': (
            (1, 'X rois', (('pooled_shape', None), ('spatial_scale', 1.0)), False),
            (22, 'X rois', (('pooled_shape', None), ('spatial_scale', 1.0)), False),
        ),
        'MaxUnpool': (
            (9, 'X I output_shape', (('kernel_shape', None), ('pads', None), ('strides', None)), False),
            (11, 'X I output_shape', (('kernel_shape', None), ('pads', None), ('strides', None)), False),
            (22, 'X I output_shape', (('kernel_shape', None), ('pads', None), ('strides', None)), False),
        ),
        'Mean': (
            (1, 'data_0', (('consumed_inputs', None),), False),
            (6, 'data_0', (), False),
            (8, 'data_0', (), False),
            (13, 'data_0', (), False),
        ),
        'MeanVarianceNormalization': (
            (9, 'X', (('axes', (0, 2, 3)),), False),
            (13, 'X', (('axes', (0, 2, 3)),), False),
        ),
        'MelWeightMatrix': (
            (17, 'num_mel_bins dft_length sample_rate lower_edge_hertz upper_edge_hertz', (('output_datatype', 1),), False),
        ),
        'Min': (
            (1, 'data_0', (('consumed_inputs', None),), False),
            (6, 'data_0', (), False),
            (8, 'data_0', (), False),
            (12, 'data_0', (), False),
            (13, 'data_0', (), False),
        ),
        'Mish': (
            (18, 'X', (), False),
            (22, 'X', (), False),
        ),
        'Mod': (
            (10, 'A B', (('fmod', 0),), False),
            (13, 'A B', (('fmod', 0),), False),
            (28, 'A B', (('fmod', 0),), False),
        ),
        'Mul': (
            (1, 'A B', (('axis', None), ('broadcast', 0), ('consumed_inputs', None)), False),
            (6, 'A B', (('axis', None), ('broadcast', 0)), False),
            (7, 'A B', (), False),
            (13, 'A B', (), False),
            (14, 'A B', (), False),
        ),
        'Multinomial': (
            (7, 'input', (('dtype', 6), ('sample_size', 1), ('seed', None)), False),
            (22, 'input', (('dtype', 6), ('sample_size', 1), ('seed', None)), False),
        ),
        'Neg': (
            (1, 'X', (('consumed_inputs', None),), False),
            (6, 'X', (), False),
            (13, 'X', (), False),
        ),
        'NegativeLogLikelihoodLoss': (
            (12, 'input target weight', (('ignore_index', None), ('reduction', 'mean')), False),
            (13, 'input target weight', (('ignore_index', None), ('reduction', 'mean')), False),
            (22, 'input target weight', (('ignore_index', None), ('reduction', 'mean')), False),
        ),
        'NonMaxSuppression': (
            (10, 'boxes scores max_output_boxes_per_class iou_threshold score_threshold', (('center_point_box', 0),), False),
            (11, 'boxes scores max_output_boxes_per_class iou_threshold score_threshold', (('center_point_box', 0),), False),
        ),
        'NonZero': (
            (9, 'X', (), False),
            (13, 'X', (), False),
        ),
        'Not': (
            (1, 'X', (), False),
        ),
        'OneHot': (
            (9, 'indices depth values', (('axis', -1),), False),
            (11, 'indices depth values', (('axis', -1),), False),
            (28, 'indices depth values', (('axis', -1),), False),
        ),
        'Optional': (
            (15, 'input', (('type', None),), False),
            (28, 'input', (('type', None),), False),
        ),
        'OptionalGetElement': (
            (15, 'input', (), False),
            (18, 'input', (), False),
            (28, 'input', (), False),
        ),
        'OptionalHasElement': (
            (15, 'input', (), False),
            (18, 'input', (), False),
            (28, 'input', (), False),
        ),
        'Or': (
            (1, 'A B', (('axis', None), ('broadcast', 0)), False),
            (7, 'A B', (), False),
        ),
        'PRelu': (
            (1, 'X slope', (('consumed_inputs', None),), False),
            (6, 'X slope', (), False),
            (7, 'X slope', (), False),
            (9, 'X slope', (), False),
            (16, 'X slope', (), False),
        ),
        'Pad': (
            (1, 'data', (('mode', 'constant'), ('paddings', None), ('value', 0.0)), False),
            (2, 'data', (('mode', 'constant'), ('pads', None), ('value', 0.0)), False),
            (11, 'data pads constant_value', (('mode', 'constant'),), False),
            (13, 'data pads constant_value', (('mode', 'constant'),), False),
            (18, 'data pads constant_value axes', (('mode', 'constant'),), False),
            (19, 'data pads constant_value axes', (('mode', 'constant'),), False),
            (21, 'data pads constant_value axes', (('mode', 'constant'),), False),
            (23, 'data pads constant_value axes', (('mode', 'constant'),), False),
            (24, 'data pads constant_value axes', (('mode', 'constant'),), False),
            (25, 'data pads constant_value axes', (('mode', 'constant'),), False),
        ),
        'Pow': (
            (1, 'X Y', (('axis', None), ('broadcast', 0)), False),
            (7, 'X Y', (), False),
            (12, 'X Y', (), False),
            (13, 'X Y', (), False),
            (15, 'X Y', (), False),
        ),
        'QLinearConv': (
            (10, 'x x_scale x_zero_point w w_scale w_zero_point y_scale y_zero_point B', (('auto_pad', 'NOTSET'), ('dilations', None), ('group', 1), ('kernel_shape', None), ('pads', None), ('strides', None)), False),
        ),
        'QLinearMatMul': (
            (10, 'a a_scale a_zero_point b b_scale b_zero_point y_scale y_zero_point', (), False),
            (21, 'a a_scale a_zero_point b b_scale b_zero_point y_scale y_zero_point', (), False),
        ),
        'QuantizeLinear': (
            (10, 'x y_scale y_zero_point', (), False),
            (13, 'x y_scale y_zero_point', (('axis', 1),), False),
            (19, 'x y_scale y_zero_point', (('axis', 1), ('saturate', 1)), False),
            (21, 'x y_scale y_zero_point', (('axis', 1), ('block_size', 0), ('output_dtype', 0), ('saturate', 1)), False),
            (23, 'x y_scale y_zero_point', (('axis', 1), ('block_size', 0), ('output_dtype', 0), ('precision', 0), ('saturate', 1)), False),
            (24, 'x y_scale y_zero_point', (('axis', 1), ('block_size', 0), ('output_dtype', 0), ('precision', 0), ('saturate', 1)), False),
            (25, 'x y_scale y_zero_point', (('axis', 1), ('block_size', 0), ('output_dtype', 0), ('precision', 0), ('saturate', 1)), False),
            (28, 'x y_scale y_zero_point', (('axis', 1), ('block_size', 0), ('output_dtype', 0), ('precision', 0), ('saturate', 1)), False),
        ),
        'RMSNormalization': (
            (23, 'X scale', (('axis', -1), ('epsilon', 9.999999747378752e-06), ('stash_type', 1)), False),
        ),
        'RNN': (
            (1, 'X W R B sequence_lens initial_h', (('activation_alpha', None), ('activation_beta', None), ('activations', ('Tanh', 'Tanh')), ('clip', None), ('direction', 'forward'), ('hidden_size', None), ('output_sequence', 0)), False),
            (7, 'X W R B sequence_lens initial_h', (('activation_alpha', None), ('activation_beta', None), ('activations', ('Tanh', 'Tanh')), ('clip', None), ('direction', 'forward'), ('hidden_size', None)), False),
            (14, 'X W R B sequence_lens initial_h', (('activation_alpha', None), ('activation_beta', None), ('activations', ('Tanh', 'Tanh')), ('clip', None), ('direction', 'forward'), ('hidden_size', None), ('layout', 0)), False),
            (22, 'X W R B sequence_lens initial_h', (('activation_alpha', None), ('activation_beta', None), ('activations', ('Tanh', 'Tanh')), ('clip', None), ('direction', 'forward'), ('hidden_size', None), ('layout', 0)), False),
        ),
        'RandomNormal': (
            (1, '', (('dtype', 1), ('mean', 0.0), ('scale', 1.0), ('seed', None), ('shape', None)), False),
            (22, '', (('dtype', 1), ('mean', 0.0), ('scale', 1.0), ('seed', None), ('shape', None)), False),
        ),
        'RandomNormalLike': (
            (1, 'input', (('dtype', None), ('mean', 0.0), ('scale', 1.0), ('seed', None)), False),
            (22, 'input', (('dtype', None), ('mean', 0.0), ('scale', 1.0), ('seed', None)), False),
        ),
        'RandomUniform': (
            (1, '', (('dtype', 1), ('high', 1.0), ('low', 0.0), ('seed', None), ('shape', None)), False),
            (22, '', (('dtype', 1), ('high', 1.0), ('low', 0.0), ('seed', None), ('shape', None)), False),
        ),
        'RandomUniformLike': (
            (1, 'input', (('dtype', None), ('high', 1.0), ('low', 0.0), ('seed', None)), False),
            (22, 'input', (('dtype', None), ('high', 1.0), ('low', 0.0), ('seed', None)), False),
        ),
        'Range': (
            (11, 'start limit delta', (), False),
            (27, 'start limit delta', (('stash_type', 1),), False),
        ),
        'Reciprocal': (
            (1, 'X', (('consumed_inputs', None),), False),
            (6, 'X', (), False),
            (13, 'X', (), False),
        ),
        'ReduceL1': (
            (1, 'data', (('axes', None), ('keepdims', 1)), False),
            (11, 'data', (('axes', None), ('keepdims', 1)), False),
            (13, 'data', (('axes', None), ('keepdims', 1)), False),
            (18, 'data axes', (('keepdims', 1), ('noop_with_empty_axes', 0)), False),
        ),
        'ReduceL2': (
            (1, 'data', (('axes', None), ('keepdims', 1)), False),
            (11, 'data', (('axes', None), ('keepdims', 1)), False),
            (13, 'data', (('axes', None), ('keepdims', 1)), False),
            (18, 'data axes', (('keepdims', 1), ('noop_with_empty_axes', 0)), False),
        ),
        'ReduceLogSum': (
            (1, 'data', (('axes', None), ('keepdims', 1)), False),
            (11, 'data', (('axes', None), ('keepdims', 1)), False),
            (13, 'data', (('axes', None), ('keepdims', 1)), False),
            (18, 'data axes', (('keepdims', 1), ('noop_with_empty_axes', 0)), False),
            (28, 'data axes', (('keepdims', 1), ('noop_with_empty_axes', 0)), False),
        ),
        'ReduceLogSumExp': (
            (1, 'data', (('axes', None), ('keepdims', 1)), False),
            (11, 'data', (('axes', None), ('keepdims', 1)), False),
            (13, 'data', (('axes', None), ('keepdims', 1)), False),
            (18, 'data axes', (('keepdims', 1), ('noop_with_empty_axes', 0)), False),
            (28, 'data axes', (('keepdims', 1), ('noop_with_empty_axes', 0)), False),
        ),
        'ReduceMax': (
            (1, 'data', (('axes', None), ('keepdims', 1)), False),
            (11, 'data', (('axes', None), ('keepdims', 1)), False),
            (12, 'data', (('axes', None), ('keepdims', 1)), False),
            (13, 'data', (('axes', None), ('keepdims', 1)), False),
            (18, 'data axes', (('keepdims', 1), ('noop_with_empty_axes', 0)), False),
            (20, 'data axes', (('keepdims', 1), ('noop_with_empty_axes', 0)), False),
        ),
        'ReduceMean': (
            (1, 'data', (('axes', None), ('keepdims', 1)), False),
            (11, 'data', (('axes', None), ('keepdims', 1)), False),
            (13, 'data', (('axes', None), ('keepdims', 1)), False),
            (18, 'data axes', (('keepdims', 1), ('noop_with_empty_axes', 0)), False),
        ),
        'ReduceMin': (
            (1, 'data', (('axes', None), ('keepdims', 1)), False),
            (11, 'data', (('axes', None), ('keepdims', 1)), False),
            (12, 'data', (('axes', None), ('keepdims', 1)), False),
            (13, 'data', (('axes', None), ('keepdims', 1)), False),
            (18, 'data axes', (('keepdims', 1), ('noop_with_empty_axes', 0)), False),
            (20, 'data axes', (('keepdims', 1), ('noop_with_empty_axes', 0)), False),
        ),
        'ReduceProd': (
            (1, 'data', (('axes', None), ('keepdims', 1)), False),
            (11, 'data', (('axes', None), ('keepdims', 1)), False),
            (13, 'data', (('axes', None), ('keepdims', 1)), False),
            (18, 'data axes', (('keepdims', 1), ('noop_with_empty_axes', 0)), False),
        ),
        'ReduceSum': (
            (1, 'data', (('axes', None), ('keepdims', 1)), False),
            (11, 'data', (('axes', None), ('keepdims', 1)), False),
            (13, 'data axes', (('keepdims', 1), ('noop_with_empty_axes', 0)), False),
        ),
        'ReduceSumSquare': (
            (1, 'data', (('axes', None), ('keepdims', 1)), False),
            (11, 'data', (('axes', None), ('keepdims', 1)), False),
            (13, 'data', (('axes', None), ('keepdims', 1)), False),
            (18, 'data axes', (('keepdims', 1), ('noop_with_empty_axes', 0)), False),
        ),
        'RegexFullMatch': (
            (20, 'X', (('pattern', None),), False),
        ),
        'Relu': (
            (1, 'X', (('consumed_inputs', None),), False),
            (6, 'X', (), False),
            (13, 'X', (), False),
            (14, 'X', (), False),
        ),
        'Reshape': (
            (1, 'data', (('consumed_inputs', None), ('shape', None)), False),
            (5, 'data shape', (), False),
            (13, 'data shape', (), False),
            (14, 'data shape', (('allowzero', 0),), False),
            (19, 'data shape', (('allowzero', 0),), False),
            (21, 'data shape', (('allowzero', 0),), False),
            (23, 'data shape', (('allowzero', 0),), False),
            (24, 'data shape', (('allowzero', 0),), False),
            (25, 'data shape', (('allowzero', 0),), False),
        ),
        'Resize': (
            (10, 'X scales', (('mode', 'nearest'),), False),
            (11, 'X roi scales sizes', (('coordinate_transformation_mode', 'half_pixel'), ('cubic_coeff_a', -0.75), ('exclude_outside', 0), ('extrapolation_value', 0.0), ('mode', 'nearest'), ('nearest_mode', 'round_prefer_floor')), False),
            (13, 'X roi scales sizes', (('coordinate_transformation_mode', 'half_pixel'), ('cubic_coeff_a', -0.75), ('exclude_outside', 0), ('extrapolation_value', 0.0), ('mode', 'nearest'), ('nearest_mode', 'round_prefer_floor')), False),
            (18, 'X roi scales sizes', (('antialias', 0), ('axes', None), ('coordinate_transformation_mode', 'half_pixel'), ('cubic_coeff_a', -0.75), ('exclude_outside', 0), ('extrapolation_value', 0.0), ('keep_aspect_ratio_policy', 'stretch'), ('mode', 'nearest'), ('nearest_mode', 'round_prefer_floor')), False),
            (19, 'X roi scales sizes', (('antialias', 0), ('axes', None), ('coordinate_transformation_mode', 'half_pixel'), ('cubic_coeff_a', -0.75), ('exclude_outside', 0), ('extrapolation_value', 0.0), ('keep_aspect_ratio_policy', 'stretch'), ('mode', 'nearest'), ('nearest_mode', 'round_prefer_floor')), False),
        ),
        'ReverseSequence': (
            (10, 'input sequence_lens', (('batch_axis', 1), ('time_axis', 0)), False),
            (28, 'input sequence_lens', (('batch_axis', 1), ('time_axis', 0)), False),
        ),
        'RoiAlign': (
            (10, 'X rois batch_indices', (('mode', 'avg'), ('output_height', 1), ('output_width', 1), ('sampling_ratio', 0), ('spatial_scale', 1.0)), False),
            (16, 'X rois batch_indices', (('coordinate_transformation_mode', 'half_pixel'), ('mode', 'avg'), ('output_height', 1), ('output_width', 1), ('sampling_ratio', 0), ('spatial_scale', 1.0)), False),
            (22, 'X rois batch_indices', (('coordinate_transformation_mode', 'half_pixel'), ('mode', 'avg'), ('output_height', 1), ('output_width', 1), ('sampling_ratio', 0), ('spatial_scale', 1.0)), False),
        ),
        'RotaryEmbedding': (
            (23, 'X cos_cache sin_cache position_ids', (('interleaved', 0), ('num_heads', None), ('rotary_embedding_dim', 0)), False),
        ),
        'Round': (
            (11, 'X', (), False),
            (22, 'X', (), False),
        ),
        'STFT': (
            (17, 'signal frame_step window frame_length', (('onesided', 1),), False),
        ),
        'Scan': (
            (8, 'sequence_lens initial_state_and_scan_inputs', (('body', None), ('directions', None), ('num_scan_inputs', None)), False),
            (9, 'initial_state_and_scan_inputs', (('body', None), ('num_scan_inputs', None), ('scan_input_axes', None), ('scan_input_directions', None), ('scan_output_axes', None), ('scan_output_directions', None)), False),
            (11, 'initial_state_and_scan_inputs', (('body', None), ('num_scan_inputs', None), ('scan_input_axes', None), ('scan_input_directions', None), ('scan_output_axes', None), ('scan_output_directions', None)), False),
            (16, 'initial_state_and_scan_inputs', (('body', None), ('num_scan_inputs', None), ('scan_input_axes', None), ('scan_input_directions', None), ('scan_output_axes', None), ('scan_output_directions', None)), False),
            (19, 'initial_state_and_scan_inputs', (('body', None), ('num_scan_inputs', None), ('scan_input_axes', None), ('scan_input_directions', None), ('scan_output_axes', None), ('scan_output_directions', None)), False),
            (21, 'initial_state_and_scan_inputs', (('body', None), ('num_scan_inputs', None), ('scan_input_axes', None), ('scan_input_directions', None), ('scan_output_axes', None), ('scan_output_directions', None)), False),
            (23, 'initial_state_and_scan_inputs', (('body', None), ('num_scan_inputs', None), ('scan_input_axes', None), ('scan_input_directions', None), ('scan_output_axes', None), ('scan_output_directions', None)), False),
            (24, 'initial_state_and_scan_inputs', (('body', None), ('num_scan_inputs', None), ('scan_input_axes', None), ('scan_input_directions', None), ('scan_output_axes', None), ('scan_output_directions', None)), False),
            (25, 'initial_state_and_scan_inputs', (('body', None), ('num_scan_inputs', None), ('scan_input_axes', None), ('scan_input_directions', None), ('scan_output_axes', None), ('scan_output_directions', None)), False),
        ),
        'Scatter': (
            (9, 'data indices updates', (('axis', 0),), False),
            (11, 'data indices updates', (('axis', 0),), True),
        ),
        'ScatterElements': (
            (11, 'data indices updates', (('axis', 0),), False),
            (13, 'data indices updates', (('axis', 0),), False),
            (16, 'data indices updates', (('axis', 0), ('reduction', 'none')), False),
            (18, 'data indices updates', (('axis', 0), ('reduction', 'none')), False),
        ),
        'ScatterND': (
            (11, 'data indices updates', (), False),
            (13, 'data indices updates', (), False),
            (16, 'data indices updates', (('reduction', 'none'),), False),
            (18, 'data indices updates', (('reduction', 'none'),), False),
        ),
        'Selu': (
            (1, 'X', (('alpha', 1.673200011253357), ('consumed_inputs', None), ('gamma', 1.0506999492645264)), False),
            (6, 'X', (('alpha', 1.6732631921768188), ('gamma', 1.0507010221481323)), False),
            (22, 'X', (('alpha', 1.6732631921768188), ('gamma', 1.0507010221481323)), False),
        ),
        'SequenceAt': (
            (11, 'input_sequence position', (), False),
        ),
        'SequenceConstruct': (
            (11, 'inputs', (), False),
        ),
        'SequenceEmpty': (
            (11, '', (('dtype', None),), False),
        ),
        'SequenceErase': (
            (11, 'input_sequence position', (), False),
        ),
        'SequenceInsert': (
            (11, 'input_sequence tensor position', (), False),
        ),
        'SequenceLength': (
            (11, 'input_sequence', (), False),
        ),
        'SequenceMap': (
            (17, 'input_sequence additional_inputs', (('body', None),), False),
        ),
        'Shape': (
            (1, 'data', (), False),
            (13, 'data', (), False),
            (15, 'data', (('end', None), ('start', 0)), False),
            (19, 'data', (('end', None), ('start', 0)), False),
            (21, 'data', (('end', None), ('start', 0)), False),
            (23, 'data', (('end', None), ('start', 0)), False),
            (24, 'data', (('end', None), ('start', 0)), False),
            (25, 'data', (('end', None), ('start', 0)), False),
        ),
        'Shrink': (
            (9, 'input', (('bias', 0.0), ('lambd', 0.5)), False),
        ),
        'Sigmoid': (
            (1, 'X', (('consumed_inputs', None),), False),
            (6, 'X', (), False),
            (13, 'X', (), False),
        ),
        'Sign': (
            (9, 'input', (), False),
            (13, 'input', (), False),
        ),
        'Sin': (
            (7, 'input', (), False),
            (22, 'input', (), False),
        ),
        'Sinh': (
            (9, 'input', (), False),
            (22, 'input', (), False),
        ),
        'Size': (
            (1, 'data', (), False),
            (13, 'data', (), False),
            (19, 'data', (), False),
            (21, 'data', (), False),
            (23, 'data', (), False),
            (24, 'data', (), False),
            (25, 'data', (), False),
        ),
        'Slice': (
            (1, 'data', (('axes', None), ('ends', None), ('starts', None)), False),
            (10, 'data starts ends axes steps', (), False),
            (11, 'data starts ends axes steps', (), False),
            (13, 'data starts ends axes steps', (), False),
        ),
        'Softmax': (
            (1, 'input', (('axis', 1),), False),
            (11, 'input', (('axis', 1),), False),
            (13, 'input', (('axis', -1),), False),
        ),
        'SoftmaxCrossEntropyLoss': (
            (12, 'scores labels weights', (('ignore_index', None), ('reduction', 'mean')), False),
            (13, 'scores labels weights', (('ignore_index', None), ('reduction', 'mean')), False),
        ),
        'Softplus': (
            (1, 'X', (), False),
            (22, 'X', (), False),
        ),
        'Softsign': (
            (1, 'input', (), False),
            (22, 'input', (), False),
        ),
        'SpaceToDepth': (
            (1, 'input', (('blocksize', None),), False),
            (13, 'input', (('blocksize', None),), False),
            (28, 'input', (('blocksize', None), ('mode', 'DCR')), False),
        ),
        'Split': (
            (1, 'input split', (('axis', None), ('split', None)), False),
            (2, 'input', (('axis', 0), ('split', None)), False),
            (11, 'input', (('axis', 0), ('split', None)), False),
            (13, 'input split', (('axis', 0),), False),
            (18, 'input split', (('axis', 0), ('num_outputs', None)), False),
        ),
        'SplitToSequence': (
            (11, 'input split', (('axis', 0), ('keepdims', 1)), False),
            (24, 'input split', (('axis', 0), ('keepdims', 1)), False),
        ),
        'Sqrt': (
            (1, 'X', (('consumed_inputs', None),), False),
            (6, 'X', (), False),
            (13, 'X', (), False),
        ),
        'Squeeze': (
            (1, 'data', (('axes', None),), False),
            (11, 'data', (('axes', None),), False),
            (13, 'data axes', (), False),
            (21, 'data axes', (), False),
            (23, 'data axes', (), False),
            (24, 'data axes', (), False),
            (25, 'data axes', (), False),
        ),
        'StringConcat': (
            (20, 'X Y', (), False),
        ),
        'StringNormalizer': (
            (10, 'X', (('case_change_action', 'NONE'), ('is_case_sensitive', 0), ('locale', None), ('stopwords', None)), False),
        ),
        'StringSplit': (
            (20, 'X', (('delimiter', None), ('maxsplit', None)), False),
        ),
        'Sub': (
            (1, 'A B', (('axis', None), ('broadcast', 0), ('consumed_inputs', None)), False),
            (6, 'A B', (('axis', None), ('broadcast', 0)), False),
            (7, 'A B', (), False),
            (13, 'A B', (), False),
            (14, 'A B', (), False),
        ),
        'Sum': (
            (1, 'data_0', (('consumed_inputs', None),), False),
            (6, 'data_0', (), False),
            (8, 'data_0', (), False),
            (13, 'data_0', (), False),
        ),
        'SwiGLU': (
            (28, 'A B', (('alpha', 1.0),), False),
        ),
        'Swish': (
            (24, 'X', (('alpha', 1.0),), False),
        ),
        'Tan': (
            (7, 'input', (), False),
            (22, 'input', (), False),
        ),
        'Tanh': (
            (1, 'input', (('consumed_inputs', None),), False),
            (6, 'input', (), False),
            (13, 'input', (), False),
        ),
        'TensorScatter': (
            (24, 'past_cache update write_indices', (('axis', -2), ('mode', 'linear')), False),
        ),
        'TfIdfVectorizer': (
            (9, 'X', (('max_gram_length', None), ('max_skip_count', None), ('min_gram_length', None), ('mode', None), ('ngram_counts', None), ('ngram_indexes', None), ('pool_int64s', None), ('pool_strings', None), ('weights', None)), False),
        ),
        'ThresholdedRelu': (
            (10, 'X', (('alpha', 1.0),), False),
            (22, 'X', (('alpha', 1.0),), False),
        ),
        'Tile': (
            (1, 'input tiles axis', (), False),
            (6, 'input repeats', (), False),
            (13, 'input repeats', (), False),
        ),
        'TopK': (
            (1, 'X', (('axis', -1), ('k', None)), False),
            (10, 'X K', (('axis', -1),), False),
            (11, 'X K', (('axis', -1), ('largest', 1), ('sorted', 1)), False),
            (24, 'X K', (('axis', -1), ('largest', 1), ('sorted', 1)), False),
        ),
        'Transpose': (
            (1, 'data', (('perm', None),), False),
            (13, 'data', (('perm', None),), False),
            (21, 'data', (('perm', None),), False),
            (23, 'data', (('perm', None),), False),
            (24, 'data', (('perm', None),), False),
            (25, 'data', (('perm', None),), False),
        ),
        'Trilu': (
            (14, 'input k', (('upper', 1),), False),
        ),
        'Unique': (
            (11, 'X', (('axis', None), ('sorted', 1)), False),
            (28, 'X', (('axis', None), ('sorted', 1)), False),
        ),
        'Unsqueeze': (
            (1, 'data', (('axes', None),), False),
            (11, 'data', (('axes', None),), False),
            (13, 'data axes', (), False),
            (21, 'data axes', (), False),
            (23, 'data axes', (), False),
            (24, 'data axes', (), False),
            (25, 'data axes', (), False),
        ),
        'Upsample': (
            (1, 'X', (('height_scale', None), ('mode', 'nearest'), ('width_scale', None)), False),
            (7, 'X', (('mode', 'nearest'), ('scales', None)), False),
            (9, 'X scales', (('mode', 'nearest'),), False),
            (10, 'X scales', (('mode', 'nearest'),), True),
        ),
        'Where': (
            (9, 'condition X Y', (), False),
            (16, 'condition X Y', (), False),
        ),
        'Xor': (
            (1, 'A B', (('axis', None), ('broadcast', 0)), False),
            (7, 'A B', (), False),
        ),
    },
    'ai.onnx.ml': {
        'ArrayFeatureExtractor': (
            (1, 'X Y', (), False),
        ),
        'Binarizer': (
            (1, 'X', (('threshold', 0.0),), False),
        ),
        'CastMap': (
            (1, 'X', (('cast_to', 'TO_FLOAT'), ('map_form', 'DENSE'), ('max_map', 1)), False),
        ),
        'CategoryMapper': (
            (1, 'X', (('cats_int64s', None), ('cats_strings', None), ('default_int64', -1), ('default_string', '_Unused')), False),
        ),
        'DictVectorizer': (
            (1, 'X', (('int64_vocabulary', None), ('string_vocabulary', None)), False),
        ),
        'FeatureVectorizer': (
            (1, 'X', (('inputdimensions', None),), False),
        ),
        'Imputer': (
            (1, 'X', (('imputed_value_floats', None), ('imputed_value_int64s', None), ('replaced_value_float', 0.0), ('replaced_value_int64', 0)), False),
        ),
        'LabelEncoder': (
            (1, 'X', (('classes_strings', None), ('default_int64', -1), ('default_string', '_Unused')), False),
            (2, 'X', (('default_float', -0.0), ('default_int64', -1), ('default_string', '_Unused'), ('keys_floats', None), ('keys_int64s', None), ('keys_strings', None), ('values_floats', None), ('values_int64s', None), ('values_strings', None)), False),
            (4, 'X', (('default_float', -0.0), ('default_int64', -1), ('default_string', '_Unused'), ('default_tensor', None), ('keys_floats', None), ('keys_int64s', None), ('keys_strings', None), ('keys_tensor', None), ('values_floats', None), ('values_int64s', None), ('values_strings', None), ('values_tensor', None)), False),
        ),
        'LinearClassifier': (
            (1, 'X', (('classlabels_ints', None), ('classlabels_strings', None), ('coefficients', None), ('intercepts', None), ('multi_class', 0), ('post_transform', 'NONE')), False),
        ),
        'LinearRegressor': (
            (1, 'X', (('coefficients', None), ('intercepts', None), ('post_transform', 'NONE'), ('targets', 1)), False),
        ),
        'Normalizer': (
            (1, 'X', (('norm', 'MAX'),), False),
        ),
        'OneHotEncoder': (
            (1, 'X', (('cats_int64s', None), ('cats_strings', None), ('zeros', 1)), False),
        ),
        'SVMClassifier': (
            (1, 'X', (('classlabels_ints', None), ('classlabels_strings', None), ('coefficients', None), ('kernel_params', None), ('kernel_type', 'LINEAR'), ('post_transform', 'NONE'), ('prob_a', None), ('prob_b', None), ('rho', None), ('support_vectors', None), ('vectors_per_class', None)), False),
        ),
        'SVMRegressor': (
            (1, 'X', (('coefficients', None), ('kernel_params', None), ('kernel_type', 'LINEAR'), ('n_supports', 0), ('one_class', 0), ('post_transform', 'NONE'), ('rho', None), ('support_vectors', None)), False),
        ),
        'Scaler': (
            (1, 'X', (('offset', None), ('scale', None)), False),
        ),
        'TreeEnsemble': (
            (5, 'X', (('aggregate_function', 1), ('leaf_targetids', None), ('leaf_weights', None), ('membership_values', None), ('n_targets', None), ('nodes_falseleafs', None), ('nodes_falsenodeids', None), ('nodes_featureids', None), ('nodes_hitrates', None), ('nodes_missing_value_tracks_true', None), ('nodes_modes', None), ('nodes_splits', None), ('nodes_trueleafs', None), ('nodes_truenodeids', None), ('post_transform', 0), ('tree_roots', None)), False),
        ),
        'TreeEnsembleClassifier': (
            (1, 'X', (('base_values', None), ('class_ids', None), ('class_nodeids', None), ('class_treeids', None), ('class_weights', None), ('classlabels_int64s', None), ('classlabels_strings', None), ('nodes_falsenodeids', None), ('nodes_featureids', None), ('nodes_hitrates', None), ('nodes_missing_value_tracks_true', None), ('nodes_modes', None), ('nodes_nodeids', None), ('nodes_treeids', None), ('nodes_truenodeids', None), ('nodes_values', None), ('post_transform', 'NONE')), False),
            (3, 'X', (('base_values', None), ('base_values_as_tensor', None), ('class_ids', None), ('class_nodeids', None), ('class_treeids', None), ('class_weights', None), ('class_weights_as_tensor', None), ('classlabels_int64s', None), ('classlabels_strings', None), ('nodes_falsenodeids', None), ('nodes_featureids', None), ('nodes_hitrates', None), ('nodes_hitrates_as_tensor', None), ('nodes_missing_value_tracks_true', None), ('nodes_modes', None), ('nodes_nodeids', None), ('nodes_treeids', None), ('nodes_truenodeids', None), ('nodes_values', None), ('nodes_values_as_tensor', None), ('post_transform', 'NONE')), False),
            (5, 'X', (('base_values', None), ('base_values_as_tensor', None), ('class_ids', None), ('class_nodeids', None), ('class_treeids', None), ('class_weights', None), ('class_weights_as_tensor', None), ('classlabels_int64s', None), ('classlabels_strings', None), ('nodes_falsenodeids', None), ('nodes_featureids', None), ('nodes_hitrates', None), ('nodes_hitrates_as_tensor', None), ('nodes_missing_value_tracks_true', None), ('nodes_modes', None), ('nodes_nodeids', None), ('nodes_treeids', None), ('nodes_truenodeids', None), ('nodes_values', None), ('nodes_values_as_tensor', None), ('post_transform', 'NONE')), True),
        ),
        'TreeEnsembleRegressor': (
            (1, 'X', (('aggregate_function', 'SUM'), ('base_values', None), ('n_targets', None), ('nodes_falsenodeids', None), ('nodes_featureids', None), ('nodes_hitrates', None), ('nodes_missing_value_tracks_true', None), ('nodes_modes', None), ('nodes_nodeids', None), ('nodes_treeids', None), ('nodes_truenodeids', None), ('nodes_values', None), ('post_transform', 'NONE'), ('target_ids', None), ('target_nodeids', None), ('target_treeids', None), ('target_weights', None)), False),
            (3, 'X', (('aggregate_function', 'SUM'), ('base_values', None), ('base_values_as_tensor', None), ('n_targets', None), ('nodes_falsenodeids', None), ('nodes_featureids', None), ('nodes_hitrates', None), ('nodes_hitrates_as_tensor', None), ('nodes_missing_value_tracks_true', None), ('nodes_modes', None), ('nodes_nodeids', None), ('nodes_treeids', None), ('nodes_truenodeids', None), ('nodes_values', None), ('nodes_values_as_tensor', None), ('post_transform', 'NONE'), ('target_ids', None), ('target_nodeids', None), ('target_treeids', None), ('target_weights', None), ('target_weights_as_tensor', None)), False),
            (5, 'X', (('aggregate_function', 'SUM'), ('base_values', None), ('base_values_as_tensor', None), ('n_targets', None), ('nodes_falsenodeids', None), ('nodes_featureids', None), ('nodes_hitrates', None), ('nodes_hitrates_as_tensor', None), ('nodes_missing_value_tracks_true', None), ('nodes_modes', None), ('nodes_nodeids', None), ('nodes_treeids', None), ('nodes_truenodeids', None), ('nodes_values', None), ('nodes_values_as_tensor', None), ('post_transform', 'NONE'), ('target_ids', None), ('target_nodeids', None), ('target_treeids', None), ('target_weights', None), ('target_weights_as_tensor', None)), True),
        ),
        'ZipMap': (
            (1, 'X', (('classlabels_int64s', None), ('classlabels_strings', None)), False),
        ),
    },
    'ai.onnx.preview': {
        'FlexAttention': (
            (1, 'Q K V', (('prob_mod', None), ('scale', None), ('score_mod', None), ('softmax_precision', None)), False),
        ),
    },
    'ai.onnx.preview.training': {
        'Adagrad': (
            (1, 'R T inputs', (('decay_factor', 0.0), ('epsilon', 9.999999974752427e-07), ('norm_coefficient', 0.0)), False),
        ),
        'Adam': (
            (1, 'R T inputs', (('alpha', 0.8999999761581421), ('beta', 0.9990000128746033), ('epsilon', 9.999999974752427e-07), ('norm_coefficient', 0.0), ('norm_coefficient_post', 0.0)), False),
        ),
        'Gradient': (
            (1, 'Inputs', (('xs', None), ('y', None), ('zs', None)), False),
        ),
        'Momentum': (
            (1, 'R T inputs', (('alpha', None), ('beta', None), ('mode', None), ('norm_coefficient', None)), False),
        ),
    },
}
