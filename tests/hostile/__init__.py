"""Submissions that attack the grader, each with what must come of it."""
