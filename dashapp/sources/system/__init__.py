"""Sources that read this machine through psutil and the kernel."""
