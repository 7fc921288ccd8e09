"""What `vggsearch doctor` looks at, a module each; every check is one line in a person's words."""
