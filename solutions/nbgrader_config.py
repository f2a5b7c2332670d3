"""nbgrader's settings for this course: put a copy beside `source/` (see README.md here). `nbgrader generate_assignment`
then makes the same student notebooks as `edgekit release`."""

from edgekit.instructor.release import STUB

c = get_config()  # noqa: F821  nbgrader defines it

c.CourseDirectory.course_id = "edgekit"
c.ClearSolutions.code_stub = {"python": STUB}
c.ClearSolutions.enforce_metadata = True
# Time for one cell. Grading itself belongs to `edgekit grade`: nbgrader runs the notebooks as they were handed in.
c.ExecutePreprocessor.timeout = 120
