"""What the test cells of the exercise notebooks call: one module an assignment."""
