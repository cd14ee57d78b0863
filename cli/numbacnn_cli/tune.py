"""numbacnn tune: how products are laid out on this GPU, measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from .bench import LONGEST
from .options import COMPUTING, Out
from .output import Output
from .summary import Classes, InputShape, find_network

if TYPE_CHECKING:
    from numbacnn.measured import MeasuredProduct
    from numbacnn.network import Network

COMMON: tuple[tuple[str, int, tuple[int, int, int] | None, int | None], ...] = (
    ("lenet", 64, None, None),
    ("cifar-quick", 64, None, None),
    ("vgg-small", 256, None, None),
    ("resnet-18", 256, (32, 32, 3), 10),
    ("alexnet", 128, None, None),
)
"""Networks whose shapes are measured where none is named: with their pictures at a time, and their pictures' size and classes
where these are not what the network was made for.
"""
_BATCH = 64
PRECISIONS = ("float32", "tf32", "bf16")

Measured = Annotated[str | None, Parameter(name="NETWORK", show_default=False)]


def tune(
    network: Measured = None,
    /,
    *,
    device: Annotated[
        Literal["cpu", "cuda", "gpu", "auto"],
        Parameter(
            group=COMPUTING,
            help="What to tune: cuda or gpu (an NVIDIA GPU), or auto. Nothing of the CPU is tuned.",
        ),
    ] = "auto",
    precision: Annotated[
        Literal["float32", "tf32", "bf16"] | None,
        Parameter(group=COMPUTING, show_default=False, help="Of products. Left out: all that the GPU has."),
    ] = None,
    batch_size: int | None = None,
    input_shape: InputShape = None,
    classes: Classes = None,
    seconds: float = 2.0,
    out: Out,
) -> dict[str, Any]:
    """Measure on a GPU how the matrix products of a network are laid out best, and keep that for later runs.

    Convolutions and dense layers are products, which a GPU computes in tiles, long sums in parts. Which tile and how many
    parts are fastest is otherwise told by a model; here a training step's products are timed in several. What was found is kept
    in the cache by the GPU's name, and used from then on by every command on this GPU; `numbacnn doctor` says so.
    Numbers may differ in their last bits from those before tuning, as sums are added in another order; with the same table
    they are the same bits in every run, also where training is resumed.
    On GPUs of compute capability 9.0 (H100, H200) products of whole warpgroups ("128x256_wgmma") are tried too, in tf32 and bf16:
    they are taken only here, where their numbers have been compared with the others' and they were faster.
    JSON: `gpu`, `file` (where the plans are kept), `products[]` with `.network`, `.batch_size`, `.name`, `.precision`, `.rows`,
    `.columns`, `.depth`, `.groups`, `.plans[]` with `.tile`, `.parts`, `.seconds` (first what the model takes), `.chosen` (one of
    them), `.refused` (those that were tried and give other numbers, or fail, with the reason).

    Parameters
    ----------
    network
        A name (alexnet, …), a .toml file or a trained model. Left out: the shapes of some common networks.
    batch_size
        Pictures at a time, as in training: other sizes are other products. Left out: 64, and of the common networks what they
        are usually trained with.
    seconds
        How long to measure a network in one precision, beside compiling what is measured.
    """
    from numbacnn.device import get_device
    from numbacnn.errors import DeviceError, UsageError, need_whole

    if not 0 < seconds <= LONGEST:
        raise UsageError(f"--seconds {seconds:g}: a number above 0, and {LONGEST:,} at most, is expected")
    if batch_size is not None:
        need_whole("--batch-size", batch_size)
    if network is None and (batch_size, input_shape, classes) != (None, None, None):
        raise UsageError(
            "--batch-size, --input and --classes belong to a network: 'numbacnn tune NETWORK …' names it"
        )
    gpu = get_device(device)
    if not gpu.own_memory:
        raise UsageError("nothing of the CPU is tuned, only the products of an NVIDIA GPU: --device cuda")
    precisions = []
    for name in (precision,) if precision else PRECISIONS:
        try:
            gpu.with_precision(name)
        except DeviceError as error:
            if precision:
                raise
            out.note(str(error))
            continue
        precisions.append(name)
    asked = COMMON if network is None else ((network, batch_size or _BATCH, input_shape, classes),)
    products: list[dict[str, Any]] = []
    for each, count, shape, of_classes in asked:
        for name in precisions:
            out.note(f"{each}, {count} pictures, {name}")
            placed = find_network(each, shape, of_classes, initialise="he").to("cuda", name)
            products += _tuned(placed, each, count, seconds, out)
            del placed
    facts = gpu.describe()
    out.say(f"{facts['tuned_file']} has {facts['tuned_plans']} plans for {facts['name']}")
    return {"gpu": facts["name"], "file": facts["tuned_file"], "products": products}


def _tuned(network: Network, name: str, batch_size: int, seconds: float, out: Output) -> list[dict[str, Any]]:
    """Measures a network's products, keeps what was found, also where that is interrupted, and shows it."""
    from numbacnn.errors import NumbacnnError
    from numbacnn.training.tuning import tune as measured

    found: list[MeasuredProduct] = []
    try:
        for product in measured(network, batch_size, seconds=seconds):
            found.append(product)
    finally:
        if found:
            try:
                network.graph.device.keep_tuned(found)
            except OSError as error:
                raise NumbacnnError(f"what was measured cannot be kept: {error}") from error
    out.table(
        ["product", "precision", "size", "plan", "ms", "model's plan", "ms"],
        [_row(product) for product in found],
        last_to_drop=("product", "size", "plan"),
    )
    for said in sorted({text for product in found for text in product.refused}):
        out.note(f"not taken: {said}")
    before = 1e3 * sum(product.plans[0].seconds for product in found)
    after = 1e3 * sum(product.chosen.seconds for product in found)
    out.say(
        f"{name}, {batch_size} pictures: {len(found)} products take {after:.3f} ms, and {before:.3f} ms without tuning"
    )
    return [
        {
            "network": name,
            "batch_size": batch_size,
            **product._asdict(),
            "plans": [plan._asdict() for plan in product.plans],
            "chosen": product.chosen._asdict(),
        }
        for product in found
    ]


def _row(product: MeasuredProduct) -> tuple[str, ...]:
    first, chosen = product.plans[0], product.chosen
    groups = f" x {product.groups}" if product.groups > 1 else ""
    return (
        product.name,
        product.precision,
        f"{product.rows} x {product.columns} x {product.depth}{groups}",
        _said(chosen.tile, chosen.parts),
        f"{1e3 * chosen.seconds:.4f}",
        "the same" if chosen == first else _said(first.tile, first.parts),
        f"{1e3 * first.seconds:.4f}",
    )


def _said(tile: str, parts: int) -> str:
    return tile if parts == 1 else f"{tile} in {parts} parts"
