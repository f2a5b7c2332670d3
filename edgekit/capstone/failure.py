"""Why a submission is not taken."""


class SubmissionError(ValueError):
    """A submission that is refused, or cannot be read. The message names the file, what is wrong with it, and the fix."""
