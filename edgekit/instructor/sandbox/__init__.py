"""Running a student's code apart."""
