"""Errors a person can act on: each message says what is wrong, where, and the mend."""


class PalateError(Exception):
    """Base of every error that palate raises on purpose; the command line prints it in one line."""


class DataError(PalateError):
    """An input file or table cannot be used: names the file, row, column and the mend."""


class ConfigError(PalateError):
    """A setting is unknown or out of range: names the setting and the nearest valid one."""


class LeakageError(PalateError):
    """A split would let a model see what it is tested on."""


class SourceError(PalateError):
    """Data or weights could not be fetched or do not match their checksum."""


class RunError(PalateError):
    """A run folder is missing, incomplete, or of a kind this command cannot use."""


class ScoreError(PalateError):
    """A model's scores cannot be ranked: NaN, or of another shape than users by items."""


class ChatError(PalateError):
    """A language model was asked for text and gave none: out of reach, budget spent, no record."""


class UnansweredError(ChatError):
    """An address did not answer this time; asked again, it may."""
