# MAP pretraining on 1,548 CAD shapes, without their labels; 2 CPU cores:
# minutes.
#
#   python tools/train.py configs/points/demo/map_shapes69.py \
#       --data-root DIR_OF_NPZ
_base_ = '_base_/map.py'
