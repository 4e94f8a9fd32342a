import pytest
import torch
from mmpretrain.registry import MODELS

from tests.models.tiny_points import BACKBONE, DIMS, seeded_clouds


def tiny(**settings):
    torch.manual_seed(0)
    head = dict(type='PointClsHead', num_classes=5, in_channels=DIMS)
    return MODELS.build(
        dict(
            type='VotingClassifier',
            backbone=BACKBONE | dict(out_type='pooled'),
            head=head,
            data_preprocessor=dict(type='PointDataPreprocessor'),
        )
        | settings
    ).eval()


def scores_of(samples):
    return torch.stack([sample.pred_score for sample in samples])


def test_one_vote_is_a_plain_classifier():
    clouds = seeded_clouds(3)
    voting, plain = tiny(votes=1), tiny(type='ImageClassifier')
    torch.testing.assert_close(
        scores_of(voting.predict(clouds)), scores_of(plain.predict(clouds))
    )
    assert voting.state_dict().keys() == plain.state_dict().keys()


def test_votes_are_averaged():
    clouds, model = seeded_clouds(3), tiny(votes=4)
    assert model.factors[0].tolist() == [1, 1, 1]
    assert ((model.factors >= 2 / 3) & (model.factors <= 3 / 2)).all()
    looks = [model(clouds * f).softmax(1) for f in model.factors]
    assert not torch.allclose(looks[0], looks[1], atol=1e-5)
    samples = model.predict(clouds)
    mean = torch.stack(looks).mean(0)
    torch.testing.assert_close(scores_of(samples), mean)
    labels = torch.cat([sample.pred_label for sample in samples])
    assert torch.equal(labels, mean.argmax(1))


def test_bad_settings():
    with pytest.raises(ValueError, match='at least 1, got 0'):
        tiny(votes=0)
