"""What was published of the named networks: the year, where, and the top-5 error on ILSVRC-2012's validation pictures.

An error is that of one network, in percent; of some there is none, as they were made for other pictures or their authors
give none.
"""

from __future__ import annotations

from typing import NamedTuple


class Facts(NamedTuple):
    """The year and paper of a network; its top-5 error and who measured it, if somebody did."""

    year: int
    paper: str
    top5_error: float | None = None
    source: str = ""


_KRIZHEVSKY = "Krizhevsky et al., ImageNet classification with deep convolutional neural networks"
_VGG = "Simonyan and Zisserman, Very deep convolutional networks"
_RESNET = "He et al., Deep residual learning"
_SQUEEZENET = "Iandola et al., SqueezeNet"
_LECUN = "LeCun et al., Gradient-based learning applied to document recognition"
_TORCHVISION = "torchvision's table of weights, one crop"
_TABLE_3 = "the paper's table 3"

FACTS: dict[str, Facts] = {
    "digits": Facts(2026, "numbacnn's own"),
    "lenet": Facts(1998, _LECUN),
    "lenet-1998": Facts(1998, _LECUN),
    "cifar-quick": Facts(2012, "Krizhevsky, cuda-convnet; Caffe's example"),
    "vgg-small": Facts(2014, _VGG),
    "airbench94": Facts(2024, "Jordan, 94 % on CIFAR-10 in 3.29 seconds on a single GPU"),
    "alexnet": Facts(2012, _KRIZHEVSKY),
    "alexnet-2012": Facts(2012, _KRIZHEVSKY, 18.2, "the paper's table 2, ten crops"),
    "caffenet": Facts(2013, "Jia et al., Caffe", 19.6, "Caffe's model zoo, one crop"),
    "zfnet": Facts(2013, "Zeiler and Fergus, Visualizing and understanding convolutional networks", 16.5, "the paper's table 2"),
    "nin": Facts(2013, "Lin et al., Network in network"),
    "vgg-11": Facts(2014, _VGG, 10.4, f"{_TABLE_3}, one scale"),
    "vgg-11-bn": Facts(2014, _VGG, 10.19, _TORCHVISION),
    "vgg-13": Facts(2014, _VGG, 9.9, f"{_TABLE_3}, one scale"),
    "vgg-13-bn": Facts(2014, _VGG, 9.63, _TORCHVISION),
    "vgg-16": Facts(2014, _VGG, 8.1, f"{_TABLE_3}, one scale"),
    "vgg-16-bn": Facts(2014, _VGG, 8.48, _TORCHVISION),
    "vgg-19": Facts(2014, _VGG, 8.0, f"{_TABLE_3}, one scale"),
    "vgg-19-bn": Facts(2014, _VGG, 8.16, _TORCHVISION),
    "googlenet": Facts(2014, "Szegedy et al., Going deeper with convolutions", 10.07, f"{_TABLE_3}, one crop"),
    "resnet-18": Facts(2015, _RESNET, 10.92, _TORCHVISION),
    "resnet-34": Facts(2015, _RESNET, 7.46, f"{_TABLE_3}, ten crops"),
    "resnet-50": Facts(2015, _RESNET, 6.71, f"{_TABLE_3}, ten crops"),
    "resnet-101": Facts(2015, _RESNET, 6.05, f"{_TABLE_3}, ten crops"),
    "resnet-152": Facts(2015, _RESNET, 5.71, f"{_TABLE_3}, ten crops"),
    **{f"resnet-{depth}": Facts(2015, _RESNET) for depth in (20, 32, 44, 56, 110)},
    "squeezenet-1.0": Facts(2016, _SQUEEZENET, 19.7, "the paper's table 2"),
    "squeezenet-1.1": Facts(2016, _SQUEEZENET, 19.38, _TORCHVISION),
    "mobilenet-v1": Facts(2017, "Howard et al., MobileNets", 10.1, "TensorFlow's table of MobileNets, one crop"),
    "efficientnet-lite0": Facts(2020, "Tan and Le, EfficientNet; Liu, EfficientNet-Lite", 7.83, "timm's table of results, one crop"),
}  # fmt: skip
"""Name -> facts, of every network in ARCHITECTURES."""


class Submission(NamedTuple):
    """An entry of ILSVRC: the challenge's year, the network, its layers with weights (0: features made by hand and a shallow
    classifier), and the top-5 error on the test pictures, in percent.
    """

    year: int
    name: str
    layers: int
    top5_error: float


SUBMISSIONS = (
    Submission(2010, "NEC-UIUC", 0, 28.2),
    Submission(2011, "XRCE", 0, 25.8),
    Submission(2012, "AlexNet", 8, 16.4),
    Submission(2013, "ZFNet, Clarifai", 8, 11.7),
    Submission(2014, "VGG", 19, 7.3),
    Submission(2014, "GoogLeNet", 22, 6.7),
    Submission(2015, "ResNet", 152, 3.57),
)
"""The revolution of depth, as He et al. showed it."""

SUBMISSIONS_SOURCE = (
    "top-5 error on the test pictures: Russakovsky et al. (2015), ImageNet large scale visual recognition challenge; He et al. "
    "(2016), Deep residual learning, table 5"
)
