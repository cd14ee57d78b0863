#!/usr/bin/env bash
# Everything that needs a real GPU, in one command and without a network: tools/gpu_check.sh [FOLDER]
#
# The tests on the GPU, the same under compute-sanitizer (its memcheck and racecheck, if it is installed), and the
# comparison with PyTorch (if that is). All that they say is kept in FOLDER, ./gpu-check-DATE if none is given. Ends with
# 0 if nothing failed. Run it where numbacnn is installed with its extras: pip install -e '.[test,compare,cuda13]'
set -uo pipefail
python=$(command -v "${PYTHON:-python}") || { echo "gpu_check.sh: no $PYTHON" >&2; exit 1; }
mkdir -p "${1:-gpu-check-$(date +%F)}" && folder=$(cd "${1:-gpu-check-$(date +%F)}" && pwd) || exit 1
cd "$(dirname "$0")/.." || exit 1
failed=()

# step NAME COMMAND...: its output goes to the terminal and to FOLDER/NAME.log
step() {
    local name=$1
    shift
    printf '\n== %s (%d s since the start)\n' "$name" "$SECONDS"
    "$@" 2>&1 | tee "$folder/$name.log"
    [ "${PIPESTATUS[0]}" = 0 ] || failed+=("$name")
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

gpu_tests=(-m pytest -q -p no:cacheprovider tests/cuda/test_gpu*.py)
step tests "$python" "${gpu_tests[@]}" --junit-xml "$folder/tests.xml"

if sanitizer=$("$python" tools/kernels/nvidia.py compute-sanitizer 2>&1); then
    for tool in memcheck racecheck; do
        # Odd shapes only: a kernel that is watched takes a hundred times as long.
        step "$tool" "$sanitizer" --tool "$tool" --error-exitcode 1 --log-file "$folder/$tool.txt" \
            "$python" "${gpu_tests[@]}" -k naive_reference
    done
else
    without compute-sanitizer "$sanitizer"
fi

if "$python" -c 'import torch' 2>/dev/null; then
    step pytorch "$python" tools/compare_pytorch.py --device cuda --json "$folder/pytorch.json"
else
    without pytorch "not installed: pip install 'numbacnn[compare]'"
fi

printf '\n== done in %d s: %s\n' "$SECONDS" "$folder"
if [ ${#failed[@]} != 0 ]; then
    echo "gpu_check.sh: failed: ${failed[*]}" >&2
    exit 1
fi
