#!/usr/bin/env bash
# Train on several GPUs of one machine, or of several; without a GPU on as
# many CPU processes.
#
#   tools/dist_train.sh CONFIG GPUS [arguments of tools/train.py]
#
# Several machines: the same command on each, with NNODES, NODE_RANK,
# MASTER_ADDR and PORT in the environment.
exec "$(dirname "$0")/launch.sh" train.py 1 "$@"
