"""Grades a class of submissions with nbgrader's gradebook, folders and formats."""
