#!/usr/bin/env bash
# Everything that needs a real GPU, in one command and without a network: tools/gpu_check.sh [--seconds N] [FOLDER]
#
# From the most telling to the least: the tests on the GPU, first of kernels that are new to it, the comparison with PyTorch in float32 and on tensor cores (if
# PyTorch is installed), and the tests under compute-sanitizer (its memcheck and racecheck, if it is). All that they say is
# kept in FOLDER, ./gpu-check-DATE if none is given, as soon as it is said. After N seconds what runs is ended; what was not
# done is said at the end. Ends with 0 if nothing failed. Run it where numbacnn is installed with its extras:
# pip install -e '.[test,compare,cuda13]'. For a machine without a network, make a folder of wheels on one like it:
# pip wheel --wheel-dir wheels '.[test,compare,cuda13]' nvidia-cuda-sanitizer-api; then there
# pip install --no-index --find-links wheels 'numbacnn[test,compare,cuda13]' nvidia-cuda-sanitizer-api
set -uo pipefail
limit=
while [ $# != 0 ]; do
    case $1 in
        --seconds)
            limit=${2:-}
            [[ $limit =~ ^[1-9][0-9]*$ ]] || { echo "gpu_check.sh: --seconds '$limit': a whole number above 0 is expected" >&2; exit 2; }
            shift 2 ;;
        -*) echo "gpu_check.sh: unknown option $1; --seconds N is the only one" >&2; exit 2 ;;
        *) break ;;
    esac
done
python=$(command -v "${PYTHON:-python}") || { echo "gpu_check.sh: no ${PYTHON:-python}" >&2; exit 1; }
mkdir -p "${1:-gpu-check-$(date +%F)}" && folder=$(cd "${1:-gpu-check-$(date +%F)}" && pwd) || exit 1
cd "$(dirname "$0")/.." || exit 1
failed=()
left_out=()

# step NAME COMMAND...: its output goes to the terminal and to FOLDER/NAME.log
step() {
    local name=$1 bound=() rest status
    shift
    if [ -n "$limit" ]; then
        rest=$((limit - SECONDS))
        if [ "$rest" -lt 1 ]; then
            left_out+=("$name")
            return
        fi
        bound=(timeout --signal INT --kill-after 10 "$rest")
    fi
    printf '\n== %s (%d s since the start)\n' "$name" "$SECONDS"
    ${bound[@]+"${bound[@]}"} "$@" 2>&1 | tee "$folder/$name.log"
    status=${PIPESTATUS[0]}
    if [ -n "$limit" ] && [ "$SECONDS" -ge "$limit" ] && [ "$status" != 0 ]; then
        left_out+=("the end of $name")
    elif [ "$status" != 0 ]; then
        failed+=("$name")
    fi
}

# rest: the seconds that are left, for a tool that takes --seconds itself; nothing where there is no bound
rest() {
    [ -z "$limit" ] || echo --seconds "$((limit - SECONDS > 1 ? limit - SECONDS : 1))"
}

without() {
    printf '\n== without %s: %s\n' "$1" "$2" | tee "$folder/$1.log"
}

step device "$python" -c "
import sys
from numbacnn.device import get_device
from numbacnn.errors import DeviceError
try:
    device = get_device('cuda')
except DeviceError as error:
    sys.exit(str(error))
for name, value in device.describe().items():
    print(f'{name}: {value}')
"
if [ ${#failed[@]} != 0 ]; then
    echo "gpu_check.sh: there is no GPU to check" >&2
    exit 1
fi
git log -1 --format='commit %H%n%cd' | tee -a "$folder/device.log"

gpu_tests=(-u -m pytest -q -p no:cacheprovider tests/cuda/test_gpu*.py)
# First what no GPU has run yet: Winograd's tiles, on odd shapes and on the layers that take them by themselves.
step winograd "$python" "${gpu_tests[@]}" -k 'Winograd or alexnet or vgg'
step tests "$python" "${gpu_tests[@]}" --junit-xml "$folder/tests.xml"

if "$python" -c 'import torch' 2>/dev/null; then
    for precision in float32 tf32 bf16; do
        # shellcheck disable=SC2046  # two words
        step "pytorch-$precision" "$python" -u tools/compare_pytorch.py --device cuda --precision "$precision" \
            --json "$folder/pytorch-$precision.json" $(rest)
    done
else
    without pytorch "not installed: pip install 'numbacnn[compare]'"
fi

if sanitizer=$("$python" tools/kernels/nvidia.py compute-sanitizer 2>&1); then
    for tool in memcheck racecheck; do
        # Odd shapes only: a kernel that is watched takes a hundred times as long.
        step "$tool" "$sanitizer" --tool "$tool" --error-exitcode 1 --log-file "$folder/$tool.txt" \
            "$python" "${gpu_tests[@]}" -k naive_reference
    done
else
    without compute-sanitizer "$sanitizer"
fi

printf '\n== done in %d s: %s\n' "$SECONDS" "$folder"
[ ${#left_out[@]} = 0 ] || printf 'left out, as the time was over: %s\n' "${left_out[*]}"
if [ ${#failed[@]} != 0 ]; then
    echo "gpu_check.sh: failed: ${failed[*]}" >&2
    exit 1
fi
