"""What runs inside the sandbox: a server that forks, and the student's side of the wire."""
