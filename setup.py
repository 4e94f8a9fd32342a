"""Only finds the packages; the metadata lives in pyproject.toml."""

from setuptools import find_packages, setup

setup(packages=find_packages(include=['mmmap*']))
