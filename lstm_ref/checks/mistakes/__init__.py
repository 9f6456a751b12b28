"""What learners get wrong, one module an assignment: wrong answers, each with its sentence."""
