"""The trained networks that can be fetched by name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..formats import Preparation
from ..formats.preparation import IMAGENET_DEVIATION, IMAGENET_MEAN
from .catalogue import Published, RemoteFile

CLASSES_FILE = "imagenet_class_index.json"
"""The file that names ImageNet's classes."""


@dataclass(frozen=True)
class PublishedModel(Published):
    """A trained network, and what its file does not hold."""

    preparation: Preparation
    network: str | None = None
    """The name of the network that the tensors belong to, if their names do not tell."""
    class_names: tuple[str, ...] = ()
    """The names of its classes, if no file has them."""


_IMAGENET = Preparation(
    mean=IMAGENET_MEAN, scale=tuple(1 / each for each in IMAGENET_DEVIATION), order="RGB", shorter_side=256
)
_CAFFE = Preparation(mean=(104.0, 117.0, 123.0), scale=(1.0,), order="BGR", shorter_side=256)
_HALVES = Preparation(mean=(127.5,), scale=(1 / 127.5,), order="RGB", shorter_side=256)
"""Preprocessing that maps pixels to the range from -1 to 1, as TensorFlow's networks take them."""

_NAMES = RemoteFile(
    CLASSES_FILE,
    (
        f"https://storage.googleapis.com/download.tensorflow.org/data/{CLASSES_FILE}",
        f"https://s3.amazonaws.com/deep-learning-models/image-models/{CLASSES_FILE}",
    ),
    "md5:c2c37ea517e94d9795004a39431a14cb",
)
_CIFAR10 = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
_TERMS = "trained on ImageNet, which is for non-commercial research"


def _prefixed(name: str) -> str:
    """Returns the digest whose first digits end a file's name: resnet18-f37072fd.pth."""
    found = re.search(r"-([0-9a-f]{8})\.\w+$", name)
    return f"sha256:{found[1]}" if found else ""


def _torchvision(title: str, file: str, preparation: Preparation = _IMAGENET) -> PublishedModel:
    weights = RemoteFile(file, (f"https://download.pytorch.org/models/{file}",), _prefixed(file))
    return PublishedModel(
        title,
        (weights, _NAMES),
        "torchvision, github.com/pytorch/vision",
        f"BSD-3-Clause; {_TERMS}",
        preparation,
    )


def _cifar_resnet(depth: int, digits: str) -> PublishedModel:
    file = f"resnet{depth}-{digits}.th"
    base = "https://github.com/akamaster/pytorch_resnet_cifar10/raw/master/pretrained_models"
    return PublishedModel(
        f"ResNet-{depth} for CIFAR-10",
        (RemoteFile(file, (f"{base}/{file}",), _prefixed(file)),),
        "Y. Idelbayev, github.com/akamaster/pytorch_resnet_cifar10",
        "BSD-2-Clause",
        Preparation(mean=IMAGENET_MEAN, scale=tuple(1 / each for each in IMAGENET_DEVIATION), order="RGB"),
        class_names=_CIFAR10,
    )


def _bvlc(title: str, folder: str, file: str, weights: str, layers: str) -> PublishedModel:
    """Returns a model of the Caffe Model Zoo, with its layers beside its weights."""
    base = f"https://raw.githubusercontent.com/BVLC/caffe/master/models/{folder}"
    return PublishedModel(
        title,
        (
            RemoteFile(file, (f"http://dl.caffe.berkeleyvision.org/{file}",), f"sha1:{weights}"),
            RemoteFile("deploy.prototxt", (f"{base}/deploy.prototxt",), f"sha256:{layers}"),
            _NAMES,
        ),
        "Berkeley Vision and Learning Center, the Caffe Model Zoo",
        "unrestricted use",
        _CAFFE,
    )


_SQUEEZENET = tuple(
    f"https://raw.githubusercontent.com/{owner}/SqueezeNet/b5c3f1a23713c8b3fd7b801d229f6b04c64374a5/SqueezeNet_v1.1"
    for owner in ("forresti", "DeepScale")  # the same place, under its new name and its old one
)

MODELS: dict[str, PublishedModel] = {
    "alexnet": _torchvision("AlexNet, one stream", "alexnet-owt-7be5be79.pth"),
    "vgg-11": _torchvision("VGG-11", "vgg11-8a719046.pth"),
    "vgg-13": _torchvision("VGG-13", "vgg13-19584684.pth"),
    "vgg-16": _torchvision("VGG-16", "vgg16-397923af.pth"),
    "vgg-19": _torchvision("VGG-19", "vgg19-dcbb9e9d.pth"),
    "vgg-11-bn": _torchvision("VGG-11 with batch normalisation", "vgg11_bn-6002323d.pth"),
    "vgg-13-bn": _torchvision("VGG-13 with batch normalisation", "vgg13_bn-abd245e5.pth"),
    "vgg-16-bn": _torchvision("VGG-16 with batch normalisation", "vgg16_bn-6c64b313.pth"),
    "vgg-19-bn": _torchvision("VGG-19 with batch normalisation", "vgg19_bn-c79401a0.pth"),
    "googlenet": _torchvision("GoogLeNet with batch normalisation", "googlenet-1378be20.pth", _HALVES),
    "resnet-18": _torchvision("ResNet-18", "resnet18-f37072fd.pth"),
    "resnet-34": _torchvision("ResNet-34", "resnet34-b627a593.pth"),
    "resnet-50": _torchvision("ResNet-50", "resnet50-0676ba61.pth"),
    "resnet-101": _torchvision("ResNet-101", "resnet101-63fe2227.pth"),
    "resnet-152": _torchvision("ResNet-152", "resnet152-394f9c45.pth"),
    "squeezenet-1.0": _torchvision("SqueezeNet 1.0", "squeezenet1_0-b66bff10.pth"),
    "squeezenet-1.1": _torchvision("SqueezeNet 1.1", "squeezenet1_1-b8a52dc0.pth"),
    "mobilenet-v2": _torchvision("MobileNet v2", "mobilenet_v2-b0353104.pth"),
    "squeezenet-1.1-caffe": PublishedModel(
        "SqueezeNet 1.1, its authors' own",
        (
            RemoteFile(
                "squeezenet_v1.1.caffemodel",
                tuple(f"{base}/squeezenet_v1.1.caffemodel" for base in _SQUEEZENET),
                "sha1:3397f026368a45ae236403ccc81cfcbe8ebe1bd0",
            ),
            RemoteFile(
                "deploy.prototxt",
                tuple(f"{base}/deploy.prototxt" for base in _SQUEEZENET),
                "sha256:d041bfb2ab4b32fda4ff6c6966684132f2924e329916aa5bfe9285c6b23e3d1c",
            ),
            _NAMES,
        ),
        "F. Iandola and others, github.com/forresti/SqueezeNet",
        f"BSD-2-Clause; {_TERMS}",
        _CAFFE,
    ),
    "alexnet-caffe": _bvlc(
        "AlexNet with groups and response normalisation",
        "bvlc_alexnet",
        "bvlc_alexnet.caffemodel",
        "9116a64c0fbe4459d18f4bb6b56d647b63920377",
        "b564ba76416b4ac1e062c6621cbd80d9c19304ba152d9d791c75870f3182c4fa",
    ),
    "caffenet": _bvlc(
        "CaffeNet",
        "bvlc_reference_caffenet",
        "bvlc_reference_caffenet.caffemodel",
        "4c8d77deb20ea792f84eb5e6d0a11ca0a8660a46",
        "922248a4d2f6aac1cc8e7e5dbd996cc2ecd3356480d67c198f6cf96b12311a04",
    ),
    "googlenet-caffe": _bvlc(
        "GoogLeNet as in the paper",
        "bvlc_googlenet",
        "bvlc_googlenet.caffemodel",
        "405fc5acd08a3bb12de8ee5e23a96bec22f08204",
        "fa36cd4112a3240a29600a5aa35333f31bec33daa1a6085b0af308a9f50f0c50",
    ),
    "efficientnet-lite0": PublishedModel(
        "EfficientNet-Lite0",
        (
            RemoteFile(
                "tf_efficientnet_lite0-0aa007d2.pth",
                (
                    "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights/"
                    "tf_efficientnet_lite0-0aa007d2.pth",
                ),
                "sha256:0aa007d2",
            ),
            _NAMES,
        ),
        "M. Tan and Q. Le, by way of timm, github.com/huggingface/pytorch-image-models",
        f"Apache-2.0; {_TERMS}",
        _HALVES,
        network="efficientnet-lite0",
    ),
    "resnet-20": _cifar_resnet(20, "12fca82f"),
    "resnet-32": _cifar_resnet(32, "d509ac18"),
    "resnet-44": _cifar_resnet(44, "014dd654"),
    "resnet-56": _cifar_resnet(56, "4bfd9763"),
    "resnet-110": _cifar_resnet(110, "1d1ed7c2"),
}
"""Maps a name to the network that is published under it."""
