"""Classifiers that mmpretrain lacks."""

from .voting import VotingClassifier

__all__ = ['VotingClassifier']
