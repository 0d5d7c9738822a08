"""Role 2, the server: our own device and its objects, for everybody else."""
