# MAP pretraining of HybridNet-B on ImageNet-1K, 224 px, 1,600 epochs, with
# nothing hidden: an auto-encoder.
# Paper: 83.3 top-1, after fine-tuning. Expected time: not measured.
#
#   tools/dist_train.sh \
#   configs/mmpretrain/map_hybridnet-base_8xb128-amp-ratio0-1600e_in1k.py 8
#
# Options: README.md.
_base_ = 'map_hybridnet-base_8xb128-amp-1600e_in1k.py'

# All tokens are visible, and all are predicted.
model = dict(masking=dict(_delete_=True, type='NoMasking'))
