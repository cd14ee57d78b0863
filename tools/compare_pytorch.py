"""How fast numbacnn is beside PyTorch: the same networks, weights, batches and threads, in turns, in one process.

    pip install 'numbacnn[compare]'
    python tools/compare_pytorch.py [NETWORK...] [--layers] [--memory] [--json FILE.json] [--picture FILE.png]
    python tools/compare_pytorch.py --device cuda [--precision tf32] [NETWORK...] [--json FILE.json] [--seconds N]
    python tools/compare_pytorch.py --against PATH [NETWORK...] [--json FILE.json]

Each row of whole passes is said, and FILE.json written again, as soon as it is measured. Outputs and gradients are compared
first; what disagrees is an error, not a row. PyTorch runs in its two memory layouts, as `torch.compile` makes it where there is a
C++ compiler, and on a single picture as a frozen program too; forward passes are also those of ONNX Runtime and OpenVINO, where
they are installed, from the network as numbacnn writes it in ONNX. Each ratio is to the fastest of the others. `--against`
compares with another checkout of numbacnn instead, each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

import torch  # before numbacnn, so that PyTorch's threads wait as it likes best
from comparison.bounded import Disagreement, Rows, within
from comparison.gpu import GPU_PASSES, TELLING, TOLERANCES, gpu_passes
from comparison.layers import layer_by_layer
from comparison.machine import machine
from comparison.memory import training_memory
from comparison.ours import BATCHES, BY_LAYER
from comparison.passes import TURN, passes_of, whole_passes
from comparison.picture import ratios_picture
from comparison.tables import report, told
from comparison.trees import PASSES as TREE_PASSES
from comparison.trees import beside_itself

from numbacnn.device import get_device
from numbacnn.errors import NumbacnnError
from numbacnn.figures import save
from numbacnn.ops.compilation import threads
from numbacnn.replacing import replacing


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"all if none: {', '.join(BATCHES)}")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each side")
    parser.add_argument(
        "--device", choices=["cpu", "cuda"], default="cpu", help="cuda: whole passes on a GPU"
    )
    parser.add_argument("--precision", choices=TOLERANCES, default="float32", help="of products on a GPU")
    parser.add_argument(
        "--seconds",
        type=float,
        default=math.inf,
        help="begin no row of whole passes after so many; default: no bound",
    )
    parser.add_argument(
        "--no-rivals", action="store_true", help="PyTorch as it is, without torch.compile and other programs"
    )
    parser.add_argument(
        "--against", type=Path, metavar="PATH", help="another checkout of numbacnn, instead of others"
    )
    parser.add_argument("--no-passes", action="store_true", help="leave whole passes out")
    parser.add_argument("--layers", action="store_true", help="each op of each layer as well")
    parser.add_argument("--memory", action="store_true", help="the peak memory of training AlexNet as well")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE.json", help="'-' or none: stdout")
    parser.add_argument("--picture", metavar="FILE.png", help="the ratios as bars")
    options = parser.parse_args()
    known = list(BATCHES if options.device == "cpu" else TELLING)
    for name in options.networks:
        if name not in known:
            parser.error(f"{name}: with --device {options.device} one of {', '.join(known)} is expected")
    if options.rounds < 1:
        parser.error(f"--rounds {options.rounds}: at least 1 is expected")
    if not options.seconds > 0:
        parser.error(f"--seconds {options.seconds:g}: a number above 0 is expected")
    if options.json and options.json != "-" and not options.json.endswith(".json"):
        parser.error(f"--json {options.json}: a file that ends in .json, or nothing after it, is expected")
    if options.device == "cuda" and (options.layers or options.memory or options.no_passes):
        parser.error("--device cuda measures whole passes, and nothing else")
    if options.device == "cpu" and options.precision != "float32":
        parser.error(f"--precision {options.precision} needs --device cuda")
    if options.against and not (options.against / "tools" / "comparison" / "ours.py").is_file():
        parser.error(f"--against {options.against}: a checkout of numbacnn is expected")
    if options.against and (
        options.device == "cuda" or options.layers or options.memory or options.no_passes
    ):
        parser.error("--against measures whole passes on the CPU, and nothing else")
    if options.no_passes and options.picture:
        parser.error("--picture shows whole passes, which --no-passes leaves out")
    if options.no_passes and not (options.layers or options.memory):
        parser.error("--no-passes leaves nothing to measure; add --layers or --memory")
    return options


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Everything that was asked for, and that there was time for."""
    torch.set_num_threads(threads())
    networks = options.networks or (list(BATCHES) if options.device == "cpu" else list(TELLING))
    result = machine() | {
        "pytorch": str(torch.__version__),
        "threads": threads(),
        "rounds": options.rounds,
        "precision": options.precision,
    }
    if options.device == "cuda":
        result["gpu"] = get_device("cuda").describe()
    if not options.no_passes:
        for change in within(_passes(networks, options), options.seconds):
            for key, value in change.items():
                result.setdefault(key, []).append(value)
                _say(told(key, value))
            _save(result, options)
    if options.layers:
        _say("layer by layer…")
        result["layers"] = list(
            layer_by_layer([name for name in networks if name in BY_LAYER], options.rounds)
        )
    if options.memory:
        _say("memory…")
        result["memory"] = training_memory(threads())
    return result


def _passes(networks: list[str], options: argparse.Namespace) -> dict[str, Rows]:
    if options.against:
        other = options.against.resolve()
        return {
            name: (
                TREE_PASSES,
                beside_itself([(name, BATCHES[name])], other, threads(), options.rounds, TURN),
            )
            for name in networks
        }
    if options.device == "cpu":
        return {
            name: (passes_of(name), whole_passes(name, options.rounds, rivals=not options.no_rivals))
            for name in networks
        }
    return {name: (GPU_PASSES, gpu_passes(name, options.rounds, options.precision)) for name in networks}


def _save(result: dict[str, Any], options: argparse.Namespace) -> None:
    if options.json and options.json != "-":
        with replacing(Path(options.json)) as partial:
            partial.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    options = arguments()
    try:
        result = measured(options)
    except (Disagreement, NumbacnnError) as error:
        sys.exit(f"error: {error}")
    _save(result, options)
    print(json.dumps(result) if options.json == "-" else report(result))
    if options.picture and result.get("passes"):
        save(ratios_picture(result), options.picture)
    if result.get("disagreements"):
        sys.exit(f"error: {'; '.join(result['disagreements'])}")


if __name__ == "__main__":
    main()
