# Mask R-CNN on digit scenes from the MAP checkpoint of map_digits.py.
#
#   python tools/train.py configs/demo/mask-rcnn_digits.py
_base_ = '../study/mask-rcnn_digits.py'
