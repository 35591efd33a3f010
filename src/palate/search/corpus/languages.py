"""Which language a text is in, by py3langid.

py3langid (BSD licence; Lui and Baldwin's langid.py, ACL 2012, trained anew) brings a model of
4.6 MB for 97 languages in its wheel: NumPy arrays that are read without pickle, and nothing to be
fetched. lingua is somewhat better on single words, which corpora are not made of, and twenty times
as large.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from palate.errors import ConfigError

READ = 4000  # characters of a text that are looked at; more change nothing
UNKNOWN = "und"


@cache
def _identifier() -> Any:
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError:
        raise ConfigError(
            "telling languages needs the extra 'search': pip install 'palate[search]'"
        ) from None
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def language(text: str) -> tuple[str, float]:
    """ISO 639-1 code of a text's language, and how probable it is; ``und`` and 0 for no letters."""
    if not any(c.isalpha() for c in text[:READ]):
        return UNKNOWN, 0.0
    code, probability = _identifier().classify(text[:READ])
    return str(code), float(probability)
