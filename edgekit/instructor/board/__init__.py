"""The capstone's board: a class's submissions, judged behind the grader's walls, as a Pareto front for every device class."""
