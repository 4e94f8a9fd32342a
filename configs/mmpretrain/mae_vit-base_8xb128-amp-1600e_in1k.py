# MAE pretraining of ViT-B on ImageNet-1K, 224 px, 1,600 epochs, with three
# quarters of the tokens hidden.
# Paper: 83.6 top-1, after fine-tuning. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/mae_vit-base_8xb128-amp-1600e_in1k.py 8
#
# Options: README.md.
_base_ = 'map_vit-base_8xb128-amp-1600e_in1k.py'

model = dict(masking=dict(ratio=0.75), decoder=dict(attention='full'))
