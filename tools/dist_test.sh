#!/usr/bin/env bash
# Test a checkpoint on several GPUs; without a GPU on as many CPU processes.
#
#   tools/dist_test.sh CONFIG CHECKPOINT GPUS [arguments of tools/test.py]
#
# Several machines: as tools/dist_train.sh.
exec "$(dirname "$0")/launch.sh" test.py 2 "$@"
