"""Everything about the course as a whole: its list of labs, making the students' notebooks, progress and grading."""
