"""Errors that a user can cause. Each says what happened and what to do about it; pages show them as they are."""


class SourceScoutError(Exception):
    """What happened (`message`, one sentence) and what to do (`remedy`, one sentence or empty)."""

    def __init__(self, message: str, remedy: str = ""):
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class TargetError(SourceScoutError):
    """The description of a target, or the images and labels it points to, cannot be used."""


class SamplesError(SourceScoutError):
    """The samples of a source data set cannot be listed or shown."""


class DownloadError(SourceScoutError):
    """A file cannot be fetched, or is not the one that was published."""


class CheckpointError(SourceScoutError):
    """A checkpoint cannot be described, opened or loaded."""


class NotDownloadedError(CheckpointError):
    """A published checkpoint is known, but its weights are not on this machine yet and cannot be fetched now."""


class SourceError(SourceScoutError):
    """The record of a source data set, or its samples, cannot be used."""


class SimilarityError(SourceScoutError):
    """Data sets cannot be compared, or a fingerprint, or what was said of them, cannot be read."""


class SurveyError(SourceScoutError):
    """What was written down of the survey, or the glossary, cannot be read."""


class MetricError(SourceScoutError):
    """A metric does not apply to these features and labels."""


class RunError(SourceScoutError):
    """A run cannot be planned, started or continued."""


class StoreError(SourceScoutError):
    """The database cannot be opened, or does not hold what was asked for."""
