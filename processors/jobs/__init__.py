"""Work in the background: a runner, and a module for each kind of job."""
