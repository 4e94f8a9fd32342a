#!/usr/bin/env bash
# Train on several GPUs of one machine, or of several; without a GPU on as
# many CPU processes.
#
#   tools/dist_train.sh CONFIG GPUS [arguments of tools/train.py]
#
# Several machines: the same command on each, with NNODES, NODE_RANK (from 0),
# MASTER_ADDR (of the first) and PORT (free there) in the environment. The
# network interface that reaches MASTER_ADDR is taken unless
# GLOO_SOCKET_IFNAME and NCCL_SOCKET_IFNAME name another.
exec "$(dirname "$0")/launch.sh" train.py 1 "$@"
