"""SLIST: one linear map of what goes together and of what comes next, in closed form.

Choi et al., "Session-aware Linear Item-Item Models for Session-based Recommendation", WWW 2021,
arXiv:2103.16104, section 3.4, with a whole history in the place of a session (see ``slit``), the
one next event in the place of all later ones, and no constraint on the diagonal, for lists leave
out what the history holds.

Legend: u users, i items of the catalogue.
"""

from __future__ import annotations

from pydantic import Field

from palate.data.cases import Histories
from palate.recommenders.interactions import binary_matrix
from palate.recommenders.slit import SLIT, SLITConfig, Table


class SLISTConfig(SLITConfig):
    """Settings of :class:`SLIST`."""

    together: float = Field(0.1, ge=0)
    """What a user's items as a set weigh beside one event and what came before it; 0 is SLIT."""


class SLIST(SLIT):
    """Session-aware linear item similarities and transitions.

    Solves ``min |XB - Y|² + w|UB - U|² + λ|B|²``: X and Y as in
    :class:`~palate.recommenders.slit.SLIT`, a row of U [u, i] the items that a user ever had. That
    costs no more than SLIT, neither to learn nor to ask.
    """

    name = "slist"
    summary = "linear map of what goes together and what comes next, in closed form"
    Config = SLISTConfig
    config: SLISTConfig

    def _beginning(self, sequences: Histories, n_items: int) -> tuple[Table, Table]:
        sets = binary_matrix(sequences, n_items)
        together = self.config.together * (sets.T @ sets).toarray().astype("float64")
        return together, together.copy()
