#!/usr/bin/env bash
# torchrun for dist_train.sh and dist_test.sh: SCRIPT, how many of its
# arguments come before the number of processes, then those arguments.
set -euo pipefail
tools=$(cd "$(dirname "$0")" && pwd)
script=$1 leading=$2
shift 2
usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$tools/dist_${script%.py}.sh"; }
if [[ ${1:-} == --help || ${1:-} == -h ]]; then
    usage
    exit
fi
if (( $# <= leading )) || [[ ! ${@:leading+1:1} =~ ^[1-9][0-9]*$ ]]
then
    echo "error: expected the number of processes as argument" \
        "$((leading + 1)), got '${*}'" >&2
    usage >&2
    exit 2
fi
arguments=("${@:1:leading}" "${@:leading+2}")
processes=${@:leading+1:1}

python=${PYTHON:-python}
if [[ -z ${PYTHON:-} && -x $tools/../.venv/bin/python ]]; then
    python=$tools/../.venv/bin/python
fi
# One thread per process by default: processes share the cores.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
exec "$python" "$tools/launch.py" "$processes" "$tools/$script" \
    "${arguments[@]}"
