# What every config of the three libraries shares.
custom_imports = dict(imports=['mmmap'], allow_failed_imports=False)
custom_hooks = [
    dict(type='EpochSeedHook'),
    dict(type='BatchFeedHook'),
    dict(type='CheckpointGuardHook'),
    dict(type='NaNGuardHook'),
    dict(type='BadFileHook'),
]
