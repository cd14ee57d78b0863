"""The schemas of Caffe's messages: field numbers of what is read (caffe.proto, proto2), and the names of the types of
old layers.
"""

from __future__ import annotations

from .protobuf import schema

SHAPE = schema(dim=(1, "ints"))
BLOB = schema(
    num=(1, "int"), channels=(2, "int"), height=(3, "int"), width=(4, "int"),
    data=(5, "floats"), shape=(7, SHAPE), double_data=(8, "doubles"),
)  # fmt: skip
_RULE = schema(phase=(1, "int"), stage=(4, "text"), not_stage=(5, "text"))
_TRANSFORM = schema(
    scale=(1, "float"), crop_size=(3, "uint"), mean_file=(4, "text"), mean_value=(5, "float"),
    force_color=(6, "bool"), force_gray=(7, "bool"),
)  # fmt: skip
_DATA = schema(scale=(2, "float"), mean_file=(3, "text"), crop_size=(5, "uint"))
_MEMORY_DATA = schema(channels=(2, "uint"), height=(3, "uint"), width=(4, "uint"))
_CONVOLUTION = schema(
    num_output=(1, "uint"), bias_term=(2, "bool"), pad=(3, "ints"), kernel_size=(4, "ints"), group=(5, "uint"),
    stride=(6, "ints"), pad_h=(9, "uint"), pad_w=(10, "uint"), kernel_h=(11, "uint"), kernel_w=(12, "uint"),
    stride_h=(13, "uint"), stride_w=(14, "uint"), axis=(16, "int"), dilation=(18, "ints"),
)  # fmt: skip
_POOLING = schema(
    pool=(1, "int"), kernel_size=(2, "uint"), stride=(3, "uint"), pad=(4, "uint"), kernel_h=(5, "uint"),
    kernel_w=(6, "uint"), stride_h=(7, "uint"), stride_w=(8, "uint"), pad_h=(9, "uint"), pad_w=(10, "uint"),
    global_pooling=(12, "bool"), round_mode=(13, "int"),
)  # fmt: skip
_INNER_PRODUCT = schema(num_output=(1, "uint"), bias_term=(2, "bool"), axis=(5, "int"), transpose=(6, "bool"))
_LRN = schema(
    local_size=(1, "uint"), alpha=(2, "float"), beta=(3, "float"), norm_region=(4, "int"), k=(5, "float")
)
_PARAMETERS = {
    "clip_param": schema(min=(1, "float"), max=(2, "float")),
    "concat_param": schema(concat_dim=(1, "uint"), axis=(2, "int")),
    "convolution_param": _CONVOLUTION,
    "data_param": _DATA,
    "dropout_param": schema(dropout_ratio=(1, "float")),
    "eltwise_param": schema(operation=(1, "int"), coeff=(2, "float")),
    "image_data_param": _DATA,
    "inner_product_param": _INNER_PRODUCT,
    "lrn_param": _LRN,
    "memory_data_param": _MEMORY_DATA,
    "pooling_param": _POOLING,
    "power_param": schema(power=(1, "float"), scale=(2, "float"), shift=(3, "float")),
    "relu_param": schema(negative_slope=(1, "float")),
    "softmax_param": schema(axis=(2, "int")),
    "transform_param": _TRANSFORM,
    "batch_norm_param": schema(moving_average_fraction=(2, "float"), eps=(3, "float")),
    "elu_param": schema(alpha=(1, "float")),
    "flatten_param": schema(axis=(1, "int"), end_axis=(2, "int")),
    "input_param": schema(shape=(1, SHAPE)),
    "prelu_param": schema(channel_shared=(2, "bool")),
    "reshape_param": schema(shape=(1, SHAPE), axis=(2, "int"), num_axes=(3, "int")),
    "scale_param": schema(axis=(1, "int"), num_axes=(2, "int"), bias_term=(4, "bool")),
    "swish_param": schema(beta=(1, "float")),
}
"""Groups of options by the name of their field, which is the same in new messages and in those of the second
generation.
"""

_NEW_NUMBERS = {
    "transform_param": 100, "concat_param": 104, "convolution_param": 106, "data_param": 107, "dropout_param": 108,
    "eltwise_param": 110, "image_data_param": 115, "inner_product_param": 117, "lrn_param": 118, "memory_data_param": 119,
    "pooling_param": 121, "power_param": 122, "relu_param": 123, "softmax_param": 125, "prelu_param": 131,
    "reshape_param": 133, "flatten_param": 135, "batch_norm_param": 139, "elu_param": 140, "scale_param": 142,
    "input_param": 143, "swish_param": 147, "clip_param": 148,
}  # fmt: skip
_V1_NUMBERS = {
    "concat_param": 9, "convolution_param": 10, "data_param": 11, "dropout_param": 12, "image_data_param": 15,
    "inner_product_param": 17, "lrn_param": 18, "pooling_param": 19, "power_param": 21, "memory_data_param": 22,
    "eltwise_param": 24, "relu_param": 30, "transform_param": 36, "softmax_param": 39,
}  # fmt: skip
_V0 = schema(
    name=(1, "text"), type=(2, "text"), num_output=(3, "uint"), biasterm=(4, "bool"), pad=(7, "uint"),
    kernelsize=(8, "uint"), group=(9, "uint"), stride=(10, "uint"), pool=(11, "int"), dropout_ratio=(12, "float"),
    local_size=(13, "uint"), alpha=(14, "float"), beta=(15, "float"), scale=(17, "float"), meanfile=(18, "text"),
    cropsize=(20, "uint"), k=(22, "float"), blobs=(50, BLOB), concat_dim=(65, "uint"),
)  # fmt: skip
_LAYER = schema(
    name=(1, "text"), type=(2, "text"), bottom=(3, "text"), top=(4, "text"), blobs=(7, BLOB), include=(8, _RULE),
    exclude=(9, _RULE), **{name: (number, _PARAMETERS[name]) for name, number in _NEW_NUMBERS.items()},
)  # fmt: skip
_V1_LAYER = schema(
    layer=(1, _V0), bottom=(2, "text"), top=(3, "text"), name=(4, "text"), type=(5, "int"), blobs=(6, BLOB),
    include=(32, _RULE), exclude=(33, _RULE),
    **{name: (number, _PARAMETERS[name]) for name, number in _V1_NUMBERS.items()},
)  # fmt: skip
NETWORK = schema(
    name=(1, "text"), layers=(2, _V1_LAYER), input=(3, "text"), input_dim=(4, "ints"), input_shape=(8, SHAPE),
    layer=(100, _LAYER),
)  # fmt: skip

V1_TYPES = {
    1: "Accuracy", 2: "BNLL", 3: "Concat", 4: "Convolution", 5: "Data", 6: "Dropout", 7: "EuclideanLoss", 8: "Flatten",
    9: "HDF5Data", 10: "HDF5Output", 11: "Im2col", 12: "ImageData", 13: "InfogainLoss", 14: "InnerProduct", 15: "LRN",
    16: "MultinomialLogisticLoss", 17: "Pooling", 18: "ReLU", 19: "Sigmoid", 20: "Softmax", 21: "SoftmaxWithLoss",
    22: "Split", 23: "TanH", 24: "WindowData", 25: "Eltwise", 26: "Power", 27: "SigmoidCrossEntropyLoss",
    28: "HingeLoss", 29: "MemoryData", 30: "ArgMax", 31: "Threshold", 32: "DummyData", 33: "Slice", 34: "MVN",
    35: "AbsVal", 36: "Silence", 37: "ContrastiveLoss", 38: "Exp", 39: "Deconvolution",
}  # fmt: skip
"""Maps the numbers of V1LayerParameter.LayerType (second generation) to the newest generation's names of types."""

V1_NAMES = {
    "ABSVAL": "AbsVal", "ACCURACY": "Accuracy", "ARGMAX": "ArgMax", "BNLL": "BNLL", "CONCAT": "Concat",
    "CONTRASTIVE_LOSS": "ContrastiveLoss", "CONVOLUTION": "Convolution", "DATA": "Data", "DECONVOLUTION": "Deconvolution",
    "DROPOUT": "Dropout", "DUMMY_DATA": "DummyData", "EUCLIDEAN_LOSS": "EuclideanLoss", "ELTWISE": "Eltwise",
    "EXP": "Exp", "FLATTEN": "Flatten", "HDF5_DATA": "HDF5Data", "HDF5_OUTPUT": "HDF5Output", "HINGE_LOSS": "HingeLoss",
    "IM2COL": "Im2col", "IMAGE_DATA": "ImageData", "INFOGAIN_LOSS": "InfogainLoss", "INNER_PRODUCT": "InnerProduct",
    "LRN": "LRN", "MEMORY_DATA": "MemoryData", "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss", "MVN": "MVN",
    "POOLING": "Pooling", "POWER": "Power", "RELU": "ReLU", "SIGMOID": "Sigmoid",
    "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss", "SILENCE": "Silence", "SOFTMAX": "Softmax",
    "SOFTMAX_LOSS": "SoftmaxWithLoss", "SPLIT": "Split", "SLICE": "Slice", "TANH": "TanH", "WINDOW_DATA": "WindowData",
    "THRESHOLD": "Threshold",
}  # fmt: skip
"""Maps the names that the second generation has in text files to the newest generation's."""

V0_TYPES = {
    "conv": "Convolution", "pool": "Pooling", "innerproduct": "InnerProduct", "relu": "ReLU", "dropout": "Dropout",
    "lrn": "LRN", "softmax": "Softmax", "softmax_loss": "SoftmaxWithLoss", "concat": "Concat", "flatten": "Flatten",
    "data": "Data", "images": "ImageData", "accuracy": "Accuracy", "split": "Split", "sigmoid": "Sigmoid",
    "tanh": "TanH", "euclidean_loss": "EuclideanLoss", "padding": "Padding",
}  # fmt: skip
"""Maps the first generation's names of types to the newest generation's."""

V0_OPTIONS = {
    "Convolution": ("convolution_param", {"num_output": "num_output", "biasterm": "bias_term", "pad": "pad",
                    "kernelsize": "kernel_size", "group": "group", "stride": "stride"}),
    "Pooling": ("pooling_param", {"pool": "pool", "kernelsize": "kernel_size", "stride": "stride", "pad": "pad"}),
    "InnerProduct": ("inner_product_param", {"num_output": "num_output", "biasterm": "bias_term"}),
    "Dropout": ("dropout_param", {"dropout_ratio": "dropout_ratio"}),
    "LRN": ("lrn_param", {"local_size": "local_size", "alpha": "alpha", "beta": "beta", "k": "k"}),
    "Concat": ("concat_param", {"concat_dim": "concat_dim"}),
    "Data": ("transform_param", {"scale": "scale", "meanfile": "mean_file", "cropsize": "crop_size"}),
    "ImageData": ("transform_param", {"scale": "scale", "meanfile": "mean_file", "cropsize": "crop_size"}),
}  # fmt: skip
"""Maps the first generation's options, which stand in the layer itself, to the group and name that the newest
generation has.
"""
