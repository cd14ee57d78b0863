"""The data sets that can be fetched by name."""

from __future__ import annotations

from .catalogue import Published, RemoteFile

_IDX = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
_CIFAR = "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009, www.cs.toronto.edu/~kriz/cifar.html"


def _idx(addresses: tuple[str, ...], digests: tuple[str, ...]) -> tuple[RemoteFile, ...]:
    return tuple(
        RemoteFile(name, tuple(f"{base}/{name}" for base in addresses), f"sha256:{digest}")
        for name, digest in zip(_IDX, digests, strict=True)
    )


def _cifar(name: str, digest: str) -> tuple[RemoteFile, ...]:
    return (RemoteFile(name, (f"https://www.cs.toronto.edu/~kriz/{name}",), f"sha256:{digest}"),)


DATA_SETS: dict[str, Published] = {
    "mnist": Published(
        "MNIST",
        _idx(
            # The authors' own server refuses programs; these two keep the same files for PyTorch and for TensorFlow.
            (
                "https://ossci-datasets.s3.amazonaws.com/mnist",
                "https://storage.googleapis.com/cvdf-datasets/mnist",
            ),
            (
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ),
        "Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits, 1998, yann.lecun.com/exdb/mnist",
        "CC BY-SA 3.0",
    ),
    "fashion-mnist": Published(
        "Fashion-MNIST",
        _idx(
            (
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
            ),
            (
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
        "H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, 2017, github.com/zalandoresearch/fashion-mnist",
        "MIT",
    ),
    "cifar10": Published(
        "CIFAR-10",
        _cifar("cifar-10-python.tar.gz", "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"),
        _CIFAR,
        "",
    ),
    "cifar100": Published(
        "CIFAR-100",
        _cifar("cifar-100-python.tar.gz", "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"),
        _CIFAR,
        "",
    ),
}
"""Maps a name to the data set that is published under it."""
