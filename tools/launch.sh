#!/usr/bin/env bash
# torchrun for dist_train.sh and dist_test.sh: SCRIPT, how many of its
# arguments come before the number of processes, then those arguments.
set -euo pipefail
tools=$(cd "$(dirname "$0")" && pwd)
script=$1 leading=$2
shift 2
if (( $# <= leading )) || [[ ! ${!#} || ! ${@:leading+1:1} =~ ^[1-9][0-9]*$ ]]
then
    echo "error: expected the number of processes as argument" \
        "$((leading + 1)), got '${*}'" >&2
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$tools/dist_${script%.py}.sh" >&2
    exit 2
fi
arguments=("${@:1:leading}" "${@:leading+2}")
processes=${@:leading+1:1}

python=${PYTHON:-python}
if [[ -z ${PYTHON:-} && -x $tools/../.venv/bin/python ]]; then
    python=$tools/../.venv/bin/python
fi
# One thread a process unless asked for more: processes share the cores.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
# A free port unless one is given, so that two runs do not meet.
port=${PORT:-$("$python" -c \
    'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])')}
# The process that failed says why; torchrun's own lines would hide it.
run='
import logging
import signal
import sys
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main
logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
try:
    main()
except ChildFailedError as error:
    rank, failure = error.get_first_failure()
    if failure.exitcode > 0:
        sys.exit(failure.exitcode)
    sys.exit(f"error: process {rank} was ended by {failure.signal_name()}")
except SignalException as error:
    if error.sigval == signal.SIGINT:
        sys.exit(130)  # the first process has said how to continue
    sys.exit(f"error: ended by {error.sigval.name}")
'
exec "$python" -c "$run" \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="$port" \
    --nproc_per_node="$processes" \
    "$tools/$script" "${arguments[@]}" --launcher pytorch
