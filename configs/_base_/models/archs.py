# Archs of HybridNet beside its named sizes. A ViT is attention blocks alone,
# on the residual stream, with MLPs of ratio 4.
vit_base = dict(embed_dims=768, pattern='T' * 12, num_heads=12, mlp_ratio=4.0)
vit_large = dict(
    embed_dims=1024, pattern='T' * 24, num_heads=16, mlp_ratio=4.0
)
mamba_base = dict(embed_dims=768, pattern='M' * 24)
