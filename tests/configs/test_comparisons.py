"""What is compared differs in one thing, and that is what the name says."""

from tests.configs.shipped import NAMED, config_of
from tests.helpers import each

# What pretraining changes in MAP, by algorithm and settings of the name:
# attention, masking, ratio.
METHODS = {
    'map': ('rows', 'RandomMasking', 0.5),
    'mae': ('full', 'RandomMasking', 0.75),
    'ar': ('raster', 'RandomMasking', 0.2),
    'ar columns': ('raster_columns', 'RandomMasking', 0.2),
    'map sequential': ('rows', 'SequentialMasking', 0.5),
    'map diagonal': ('rows', 'DiagonalMasking', 0.5),
    'map ratio0': ('rows', 'NoMasking', None),
    'map ratio25': ('rows', 'RandomMasking', 0.25),
    'map ratio75': ('rows', 'RandomMasking', 0.75),
    'map full': ('full', 'RandomMasking', 0.5),
    'map raster': ('raster', 'RandomMasking', 0.5),
    'map same-row': ('same_row', 'RandomMasking', 0.5),
    'map raw-pixels': ('rows', 'RandomMasking', 0.5),
    'map diffusion': ('rows', 'RandomMasking', 0.5),
}


@each([n for n in NAMED if config_of(n).model.type == 'MAP'])
def test_method_is_the_one_of_the_name(name):
    """And nothing else differs from MAP on the same backbone."""
    algorithm, backbone, settings, _ = name.split('/')[1].split('_')
    setting = settings.split('-', 2)[2].rpartition('-')[0]
    config = config_of(name)
    model = config.model
    attention, masking, ratio = METHODS[f'{algorithm} {setting}'.strip()]
    assert model.decoder.attention == attention
    assert model.masking.type == masking
    assert model.masking.get('ratio') == ratio
    assert model.target_generator.norm_pix is (setting != 'raw-pixels')
    diffusion = model.head.type == 'DiffusionHead'
    assert diffusion is (setting == 'diffusion')

    usual = config_of(f'mmpretrain/map_{backbone}_8xb128-amp-1600e_in1k.py')
    for part in (model, usual.model):
        part.decoder.pop('attention')
        part.pop('masking')
        if setting in ('raw-pixels', 'diffusion'):
            part.target_generator.pop('norm_pix')
            part.head.pop('type')
    assert config.to_dict() == usual.to_dict()
