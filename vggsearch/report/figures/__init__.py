"""One function a figure: frames in, a `Drawing` out."""
