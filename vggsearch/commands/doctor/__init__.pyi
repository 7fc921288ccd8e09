from .checkup import command as command
