"""What a workspace sets up, one module a subject: all of it on the workspace's own stream."""
