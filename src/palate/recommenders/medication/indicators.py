"""Sets of codes as sparse rows."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from palate.data.hospital.visits import Ragged


def indicators(codes: Ragged, width: int) -> csr_array:
    """[n, width] float32, 1 where a row holds a code."""
    ones = np.ones(len(codes.codes), dtype=np.float32)
    return csr_array((ones, codes.codes, codes.offsets), shape=(len(codes), width))
