from .command import doctor_command as doctor_command
