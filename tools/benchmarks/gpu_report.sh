#!/usr/bin/env bash
# Test, then measure on the GPU that is here; leaves docs/results/gpu_<name>.md.
#
#   tools/benchmarks/gpu_report.sh [PYTHON]
#
# Nothing is timed unless the tests have passed. All limits together are 20
# minutes; a step that fails is named in the report and the rest goes on. The
# kernels have fixed tiles: nothing is tuned.
set -uo pipefail
cd "$(dirname "$0")/../.."
python=${1:-python}

name=$("$python" - <<'PY'
import sys
import torch
if not torch.cuda.is_available():
    sys.exit('error: torch finds no GPU here; run this where there is one')
print(torch.cuda.get_device_name().lower().replace(' ', '-'))
PY
) || exit 1
out=work_dirs/gpu_report
report=docs/results/gpu_$name.md
mkdir -p "$out"

timeout 240 "$python" -m pytest -q tests/ops > "$out/tests.log" 2>&1 || {
    tail -20 "$out/tests.log" >&2
    echo "error: tests of the operators fail on the GPU ($out/tests.log);" \
        "nothing was timed" >&2
    exit 1
}

{
    echo "# $name"
    echo
    echo "Written by tools/benchmarks/gpu_report.sh on $(date -u +%F)," \
        "commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown)."
    echo "Tests of the operators: $(tail -1 "$out/tests.log")"
} > "$report"

measure() {  # title, seconds allowed, command
    local title=$1 limit=$2 log
    shift 2
    log="$out/$(echo "$title" | tr -c 'a-z0-9\n' _).log"
    echo "$title (at most $limit s)"
    timeout "$limit" "$@" > "$log" 2>&1
    local status=$?
    {
        printf '\n## %s\n\n```text\n' "$title"
        cat "$log"
        printf '```\n'
        [ $status -eq 0 ] || printf '\nEnded with status %s.\n' $status
    } >> "$report"
}

bench=tools/benchmarks
measure 'operators bf16' 200 "$python" $bench/bench_ops.py --device cuda \
    --dtype bf16 --out "$out/ops.csv" --plot "docs/results/gpu_$name.png"
measure 'operators fp32' 150 "$python" $bench/bench_ops.py --device cuda
measure 'convolution bf16' 60 "$python" $bench/bench_conv.py --device cuda \
    --dtype bf16
measure 'pretraining and fine-tuning' 240 "$python" $bench/bench_model.py \
    pretrain finetune --arch tiny small base --device cuda --bf16 \
    --batch 128 --out "$out/model.csv"
measure 'resolution against a vit' 180 "$python" $bench/bench_model.py sweep \
    --arch tiny --device cuda --bf16 --batch 32 --out "$out/sweep.csv"
measure 'memory' 90 "$python" $bench/bench_memory.py --device cuda
echo "written: $report"
