from .executor import RayExecutor as RayExecutor
