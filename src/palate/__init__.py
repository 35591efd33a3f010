"""palate: recommendation with large language models, compared fairly with everything else."""

__version__ = "0.1.0"
