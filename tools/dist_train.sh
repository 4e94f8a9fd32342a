#!/usr/bin/env bash
# Train on several GPUs, on one machine or several. Without a GPU, train in as
# many CPU processes.
#
#   tools/dist_train.sh CONFIG GPUS [arguments of tools/train.py]
#
# Several machines: the same command on each, with NNODES, NODE_RANK (from 0),
# MASTER_ADDR (of the first) and PORT (free there) in the environment. The
# network interface that reaches MASTER_ADDR is used, unless
# GLOO_SOCKET_IFNAME and NCCL_SOCKET_IFNAME are set.
exec "$(dirname "$0")/launch.sh" train.py 1 "$@"
