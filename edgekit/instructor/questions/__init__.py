"""The question bank in data/questions, and what learning platforms import: Moodle's XML, and QTI 1.2 for Canvas."""

from edgekit.instructor.questions.canvas import qti
from edgekit.instructor.questions.moodle import xml
from edgekit.instructor.questions.reading import Answer, Question, QuestionError, bank

__all__ = ["Answer", "Question", "QuestionError", "bank", "qti", "xml"]
