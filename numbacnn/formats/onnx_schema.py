"""The schemas of ONNX's messages (onnx.proto3): field numbers of what is read and written."""

from __future__ import annotations

from .protobuf import schema

IR_VERSION, OPSET = 10, 17
"""The versions that are written: old enough for runtimes of 2022, new enough for all layers."""

FLOAT, INT64 = 1, 7
"""The types of tensors that are written."""

NUMBERS = {
    1: "f4", 2: "u1", 3: "i1", 4: "u2", 5: "i2", 6: "i4", 7: "i8", 9: "u1", 10: "f2", 11: "f8", 12: "u4", 13: "u8",
    16: "bf16",
}  # fmt: skip
"""Maps TensorProto.DataType to NumPy's type of its numbers."""

ENTRY = schema(key=(1, "text"), value=(2, "text"))
TENSOR = schema(
    dims=(1, "ints"), data_type=(2, "int"), float_data=(4, "floats"), int32_data=(5, "ints"), int64_data=(7, "ints"),
    name=(8, "text"), raw_data=(9, "bytes"), double_data=(10, "doubles"), external_data=(13, ENTRY),
    data_location=(14, "int"),
)  # fmt: skip
_ATTRIBUTE = schema(
    name=(1, "text"), f=(2, "float"), i=(3, "int"), s=(4, "text"), t=(5, TENSOR), floats=(7, "floats"),
    ints=(8, "ints"), strings=(9, "text"), type=(20, "int"),
)  # fmt: skip
_NODE = schema(
    input=(1, "text"), output=(2, "text"), name=(3, "text"), op_type=(4, "text"), attribute=(5, _ATTRIBUTE),
    domain=(7, "text"),
)  # fmt: skip
_DIMENSION = schema(dim_value=(1, "int"), dim_param=(2, "text"))
_TYPE = schema(tensor_type=(1, schema(elem_type=(1, "int"), shape=(2, schema(dim=(1, _DIMENSION))))))
_VALUE = schema(name=(1, "text"), type=(2, _TYPE))
_GRAPH = schema(
    node=(1, _NODE), name=(2, "text"), initializer=(5, TENSOR), input=(11, _VALUE), output=(12, _VALUE)
)
_OPSET = schema(domain=(1, "text"), version=(2, "int"))
MODEL = schema(
    ir_version=(1, "int"), producer_name=(2, "text"), graph=(7, _GRAPH), opset_import=(8, _OPSET),
    metadata_props=(14, ENTRY),
)  # fmt: skip
