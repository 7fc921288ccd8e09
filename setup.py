"""The packages: those found, and the study files as one more. Everything else is in pyproject.toml."""

from setuptools import find_namespace_packages, setup

setup(packages=[*find_namespace_packages(include=["vggsearch*"]), "vggsearch.studies"])
